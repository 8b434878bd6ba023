use std::ops::Range;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::{
    DecodeContext, WireType, check_wire_type, decode_key, decode_varint, encoded_len_varint,
    key_len, message as message_field, skip_field, uint64 as uint64_field,
};

use super::piece::Piece;
use super::prefix;
use super::status::RpcStatus;
use super::timeout::{self, Digits};

/// One message on the stream, in either direction.
///
/// Written by hand rather than derived, because it is encoded and decoded for every message: the
/// payload is shared and not copied, and the method name is not allocated.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Envelope {
    /// Ties a reply to its request.
    pub(crate) sequence: u64,
    /// `package.Service.Method`, in UTF-8. A reply to a peer that understands our additions to the
    /// wire has none.
    pub(crate) method: Bytes,
    /// Only in a reply, and only on error.
    /// Boxed, because it is rare and every message is moved about.
    pub(crate) status: Option<Box<RpcStatus>>,
    /// Metadata of this message.
    pub(crate) entries: Vec<Entry>,
    /// How much time the caller still gives the request. On the wire an entry like the others, but
    /// read and written without one, because nearly every request has it.
    pub(crate) timeout: Option<Duration>,
    /// The encoded application message.
    pub(crate) payload: Bytes,
}

/// One key and value of a message's metadata.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Entry {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

/// Why bytes are no envelope.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("{0}")]
    Field(#[from] prost::DecodeError),
    #[error("a field goes on behind the end of the message")]
    Cut,
    #[error("the method is not UTF-8")]
    Method,
    #[error("it has more than {MAX_ENTRIES} entries")]
    Entries,
}

const SEQUENCE: u32 = 1;
const METHOD: u32 = 2;
const STATUS: u32 = 3;
const ENTRY: u32 = 4;
const PAYLOAD: u32 = 5;

// A key is the number of its field and the type of its value.
const SEQUENCE_KEY: u64 = key(SEQUENCE, WireType::Varint);
const METHOD_KEY: u64 = key(METHOD, WireType::LengthDelimited);
const STATUS_KEY: u64 = key(STATUS, WireType::LengthDelimited);
const ENTRY_KEY: u64 = key(ENTRY, WireType::LengthDelimited);
const PAYLOAD_KEY: u64 = key(PAYLOAD, WireType::LengthDelimited);

/// An entry of two bytes on the wire takes fifty in memory, so their number has a limit of its own.
const MAX_ENTRIES: usize = 8192;

/// A longer method name is not copied twice.
const SHORT: usize = 128;

impl Envelope {
    /// How many bytes the envelope takes on the wire, without the prefix of gRPC.
    pub(crate) fn encoded_len(&self) -> usize {
        let mut len = 0;
        if self.sequence != 0 {
            len += uint64_field::encoded_len(SEQUENCE, &self.sequence);
        }
        len += bytes_len(METHOD, &self.method);
        if let Some(status) = &self.status {
            len += message_field::encoded_len(STATUS, &**status);
        }
        len += message_field::encoded_len_repeated(ENTRY, &self.entries);
        if let Some(timeout) = self.timeout {
            let entry = timeout::encoded_len(timeout);
            len += key_len(ENTRY) + encoded_len_varint(entry as u64) + entry;
        }
        len + bytes_len(PAYLOAD, &self.payload)
    }

    /// Writes the envelope as a gRPC message, all but the bytes of the payload: they are its last.
    pub(crate) fn write_up_to_payload(&self, buffer: &mut BytesMut) {
        let start = buffer.len();
        let mut piece = Piece::default();
        piece.slice(&prefix::of(0));
        if self.sequence != 0 {
            piece.varint(SEQUENCE_KEY);
            piece.varint(self.sequence);
        }
        write_bytes_head(METHOD_KEY, &self.method, &mut piece);
        if self.method.len() <= SHORT {
            piece.slice(&self.method);
        } else {
            piece.flush(buffer);
            buffer.put_slice(&self.method);
        }
        if self.status.is_some() || !self.entries.is_empty() {
            piece.flush(buffer);
            self.write_rare(buffer);
        }
        if let Some(timeout) = self.timeout {
            let digits = Digits::of(timeout);
            piece.varint(ENTRY_KEY);
            piece.varint(digits.entry_len() as u64);
            digits.write_entry(&mut piece);
        }
        write_bytes_head(PAYLOAD_KEY, &self.payload, &mut piece);
        piece.flush(buffer);
        let len = buffer.len() - start - prefix::LEN + self.payload.len();
        buffer[start..start + prefix::LEN].copy_from_slice(&prefix::of(len));
    }

    /// What most messages do not have.
    #[cold]
    fn write_rare(&self, buffer: &mut BytesMut) {
        if let Some(status) = &self.status {
            message_field::encode(STATUS, &**status, buffer);
        }
        message_field::encode_repeated(ENTRY, &self.entries, buffer);
    }

    /// Reads an envelope whose bytes are this part of `bytes`, and then those of `tail`, which are
    /// none unless the payload begins in front of them. Unknown fields are skipped, as protobuf wants
    /// it, so that a later wire can add some.
    pub(crate) fn decode(
        bytes: &Bytes,
        part: Range<usize>,
        tail: Bytes,
    ) -> Result<Self, Malformed> {
        let mut envelope = Self::default();
        let mut fields = Fields { bytes, at: part.start, end: part.end, tail };
        while fields.at < fields.end {
            envelope.merge(&mut fields)?;
        }
        if fields.tail.is_empty() { Ok(envelope) } else { Err(Malformed::Cut) }
    }

    #[inline]
    fn merge(&mut self, fields: &mut Fields<'_>) -> Result<(), Malformed> {
        let start = fields.at;
        match fields.varint()? {
            SEQUENCE_KEY => self.sequence = fields.varint()?,
            METHOD_KEY => {
                let method = fields.field()?;
                let name = &fields.bytes[method.clone()];
                if !name.is_ascii() && std::str::from_utf8(name).is_err() {
                    return Err(Malformed::Method);
                }
                self.method = fields.bytes.slice(method);
            }
            PAYLOAD_KEY => self.payload = fields.payload()?,
            ENTRY_KEY => {
                let entry = fields.field()?;
                let entry = &fields.bytes[entry];
                match timeout::decode(entry) {
                    Some(timeout) => self.timeout = Some(timeout),
                    None if self.entries.len() == MAX_ENTRIES => return Err(Malformed::Entries),
                    None => self.entries.push(Entry::decode(entry)?),
                }
            }
            STATUS_KEY => {
                let status = fields.field()?;
                self.status.get_or_insert_default().merge(fields.bytes.slice(status))?;
            }
            _ => fields.skip_unknown(start)?,
        }
        Ok(())
    }
}

/// The fields of an envelope that were not read yet.
struct Fields<'a> {
    bytes: &'a Bytes,
    at: usize,
    end: usize,
    tail: Bytes,
}

impl Fields<'_> {
    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Malformed> {
        match self.bytes[self.at..self.end].first() {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(byte.into())
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut unread = &self.bytes[self.at..self.end];
        let value = decode_varint(&mut unread)?;
        self.at = self.end - unread.len();
        Ok(value)
    }

    /// The length of the field whose key was read.
    #[inline]
    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.varint()?).map_err(|_too_long| Malformed::Cut)
    }

    /// Where the bytes are of the field whose key was read.
    #[inline]
    fn field(&mut self) -> Result<Range<usize>, Malformed> {
        let (length, start) = (self.length()?, self.at);
        if length > self.end - start {
            return Err(Malformed::Cut);
        }
        self.at += length;
        Ok(start..self.at)
    }

    /// The bytes of the payload, whose key was read. It may go on in the tail.
    #[inline]
    fn payload(&mut self) -> Result<Bytes, Malformed> {
        let (length, start) = (self.length()?, self.at);
        let here = self.end - start;
        if length <= here {
            self.at += length;
            // Else an empty slice would keep a reference to the whole.
            return Ok(if length == 0 { Bytes::new() } else { self.bytes.slice(start..self.at) });
        }
        if length != here + self.tail.len() {
            return Err(Malformed::Cut);
        }
        self.at = self.end;
        let tail = std::mem::take(&mut self.tail);
        if here == 0 {
            return Ok(tail);
        }
        Ok([&self.bytes[start..self.end], &tail].concat().into())
    }

    /// Skips the field that begins here and is none of ours, or says what is wrong with one that should be.
    #[cold]
    fn skip_unknown(&mut self, start: usize) -> Result<(), Malformed> {
        let mut unread = &self.bytes[start..self.end];
        let (tag, wire_type) = decode_key(&mut unread)?;
        match tag {
            SEQUENCE => check_wire_type(WireType::Varint, wire_type)?,
            METHOD | STATUS | ENTRY | PAYLOAD => {
                check_wire_type(WireType::LengthDelimited, wire_type)?
            }
            _ => {}
        }
        skip_field(wire_type, tag, &mut unread, DecodeContext::default())?;
        self.at = self.end - unread.len();
        Ok(())
    }
}

const fn key(tag: u32, wire_type: WireType) -> u64 {
    (tag << 3) as u64 | wire_type as u64
}

fn bytes_len(tag: u32, bytes: &Bytes) -> usize {
    match bytes.len() {
        0 => 0,
        len => key_len(tag) + encoded_len_varint(len as u64) + len,
    }
}

/// What stands before the bytes of a field; nothing, where there are none.
fn write_bytes_head(key: u64, bytes: &Bytes, piece: &mut Piece) {
    if !bytes.is_empty() {
        piece.varint(key);
        piece.varint(bytes.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(envelope: &Envelope) -> Vec<u8> {
        let mut buffer = BytesMut::from(&b"before"[..]);
        envelope.write_up_to_payload(&mut buffer);
        buffer.put_slice(&envelope.payload);
        let message = buffer.split_off(b"before".len()).split_off(prefix::LEN);
        assert_eq!(message.len(), envelope.encoded_len());
        message.to_vec()
    }

    fn decoded(bytes: &[u8]) -> Result<Envelope, Malformed> {
        Envelope::decode(&Bytes::copy_from_slice(bytes), 0..bytes.len(), Bytes::new())
    }

    fn entry(key: &str, value: &str) -> Entry {
        Entry { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn a_request_in_literal_bytes() {
        let request = Envelope {
            sequence: 1,
            method: Bytes::from_static(b"a.B.C"),
            payload: Bytes::from_static(b"\x08\x01"),
            ..Envelope::default()
        };
        assert_eq!(bytes_of(&request), b"\x08\x01\x12\x05a.B.C\x2a\x02\x08\x01");
    }

    #[test]
    fn a_request_with_metadata_in_literal_bytes() {
        let request = Envelope {
            sequence: 300,
            method: Bytes::from_static(b"a.B.C"),
            entries: vec![entry("k", "v")],
            ..Envelope::default()
        };
        assert_eq!(bytes_of(&request), b"\x08\xac\x02\x12\x05a.B.C\x22\x06\x0a\x01k\x12\x01v");
    }

    #[test]
    fn a_reply_without_method_or_payload_in_literal_bytes() {
        assert_eq!(bytes_of(&Envelope { sequence: 2, ..Envelope::default() }), b"\x08\x02");
    }

    #[test]
    fn an_error_reply_in_literal_bytes() {
        let status = RpcStatus { code: 5, message: "no".to_owned(), details: vec![] };
        let reply = Envelope { sequence: 3, status: Some(Box::new(status)), ..Envelope::default() };
        assert_eq!(bytes_of(&reply), b"\x08\x03\x1a\x06\x08\x05\x12\x02no");
    }

    #[test]
    fn the_call_of_a_server_to_its_client_has_bit_63_set() {
        let call = Envelope { sequence: 1 << 63 | 1, ..Envelope::default() };
        assert_eq!(bytes_of(&call), b"\x08\x81\x80\x80\x80\x80\x80\x80\x80\x80\x01");
    }

    #[test]
    fn a_request_with_a_deadline_in_literal_bytes() {
        let timeout = Some(Duration::from_micros(2500));
        let request = Envelope { sequence: 1, timeout, ..Envelope::default() };
        let bytes = b"\x08\x01\x22\x19\x0a\x11quorum-timeout-us\x12\x042500";
        assert_eq!(bytes_of(&request), bytes);
        assert_eq!(decoded(bytes).unwrap(), request);
    }

    #[test]
    fn a_deadline_that_is_no_number_is_an_entry_like_others() {
        for value in ["", "1s", "-1", "99999999999999999999"] {
            let envelope = Envelope {
                entries: vec![entry("quorum-timeout-us", value)],
                ..Envelope::default()
            };
            assert_eq!(decoded(&bytes_of(&envelope)).unwrap(), envelope);
        }
    }

    #[test]
    fn unknown_fields_are_skipped() {
        let envelope = decoded(b"\x32\x03abc\x08\x07").unwrap();
        assert_eq!(envelope, Envelope { sequence: 7, ..Envelope::default() });
    }

    #[test]
    fn a_number_may_be_longer_than_it_need_be() {
        let envelope = decoded(b"\x88\x00\x87\x00\xaa\x80\x00\x81\x00x").unwrap();
        let payload = Bytes::from_static(b"x");
        assert_eq!(envelope, Envelope { sequence: 7, payload, ..Envelope::default() });
    }

    #[test]
    fn broken_bytes_are_refused_and_name_their_fault() {
        let refusal = |bytes: &[u8]| decoded(bytes).unwrap_err().to_string();
        assert_eq!(refusal(b"\x12\x02\xff\xfe"), "the method is not UTF-8");
        assert_eq!(refusal(&b"\x22\x00".repeat(8193)), "it has more than 8192 entries");
        assert_eq!(refusal(b"\x2a\x7f"), "a field goes on behind the end of the message");
        assert!(refusal(b"\x0a\x01").contains("wire type"), "{}", refusal(b"\x0a\x01"));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_again(
            sequence: u64,
            method in "[a-zA-Z.]{0,20}",
            entries in proptest::collection::vec(("[a-z]{0,5}", ".{0,5}"), 0..3),
            payload: Vec<u8>,
            error: Option<(i32, String)>,
            timeout: Option<u64>,
        ) {
            let envelope = Envelope {
                sequence,
                method: method.into_bytes().into(),
                status: error
                    .map(|(code, message)| Box::new(RpcStatus { code, message, details: vec![] })),
                entries: entries.iter().map(|(key, value)| entry(key, value)).collect(),
                timeout: timeout.map(Duration::from_micros),
                payload: payload.into(),
            };
            prop_assert_eq!(decoded(&bytes_of(&envelope)).unwrap(), envelope);
        }

        #[test]
        fn no_bytes_at_all_make_the_decoder_panic(bytes: Vec<u8>) {
            let _ = decoded(&bytes);
        }
    }
}
