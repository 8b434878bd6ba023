use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use prost::Message as _;
use prost::encoding::{
    DecodeContext, WireType, decode_key, encode_key, encode_varint, encoded_len_varint, key_len,
    skip_field,
};
use prost::encoding::{bytes as bytes_field, message as message_field, uint64 as uint64_field};

use super::status::RpcStatus;
use super::timeout;

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

/// An entry of two bytes on the wire takes fifty in memory, so their number has a limit of its own.
const MAX_ENTRIES: usize = 8192;

impl Envelope {
    /// How many bytes [`Self::encode`] writes.
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

    pub(crate) fn encode(&self, buffer: &mut impl BufMut) {
        in_one_piece(buffer, |head| {
            if self.sequence != 0 {
                uint64_field::encode(SEQUENCE, &self.sequence, head);
            }
            encode_head(METHOD, &self.method, head);
        });
        buffer.put_slice(&self.method);
        if let Some(status) = &self.status {
            message_field::encode(STATUS, &**status, buffer);
        }
        message_field::encode_repeated(ENTRY, &self.entries, buffer);
        in_one_piece(buffer, |tail| {
            if let Some(timeout) = self.timeout {
                encode_key(ENTRY, WireType::LengthDelimited, tail);
                encode_varint(timeout::encoded_len(timeout) as u64, tail);
                timeout::encode(timeout, tail);
            }
            encode_head(PAYLOAD, &self.payload, tail);
        });
        buffer.put_slice(&self.payload);
    }

    /// Reads an envelope up to the end of the buffer. Unknown fields are skipped, as protobuf
    /// wants it, so that a later wire can add some.
    pub(crate) fn decode(buffer: &mut impl Buf) -> Result<Self, Malformed> {
        let mut envelope = Self::default();
        while buffer.has_remaining() {
            let (tag, wire_type) = decode_key(buffer)?;
            envelope.merge(tag, wire_type, buffer)?;
            if envelope.entries.len() > MAX_ENTRIES {
                return Err(Malformed::Entries);
            }
        }
        if std::str::from_utf8(&envelope.method).is_err() {
            return Err(Malformed::Method);
        }
        Ok(envelope)
    }

    fn merge(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
    ) -> Result<(), prost::DecodeError> {
        let context = DecodeContext::default();
        match tag {
            SEQUENCE => uint64_field::merge(wire_type, &mut self.sequence, buffer, context),
            METHOD => bytes_field::merge(wire_type, &mut self.method, buffer, context),
            STATUS => {
                let status = self.status.get_or_insert_default();
                message_field::merge(wire_type, &mut **status, buffer, context)
            }
            ENTRY => {
                let mut entry = Bytes::new();
                bytes_field::merge(wire_type, &mut entry, buffer, context)?;
                match timeout::decode(&entry) {
                    Some(timeout) => self.timeout = Some(timeout),
                    None => self.entries.push(Entry::decode(entry)?),
                }
                Ok(())
            }
            PAYLOAD => bytes_field::merge(wire_type, &mut self.payload, buffer, context),
            _ => skip_field(wire_type, tag, buffer, context),
        }
    }
}

fn bytes_len(tag: u32, bytes: &Bytes) -> usize {
    match bytes.len() {
        0 => 0,
        len => key_len(tag) + encoded_len_varint(len as u64) + len,
    }
}

/// What stands before the bytes of a field; nothing, where there are none.
fn encode_head(tag: u32, bytes: &Bytes, buffer: &mut impl BufMut) {
    if !bytes.is_empty() {
        encode_key(tag, WireType::LengthDelimited, buffer);
        encode_varint(bytes.len() as u64, buffer);
    }
}

/// Writes several small things, so that the buffer is asked for room once.
fn in_one_piece(buffer: &mut impl BufMut, write: impl FnOnce(&mut &mut [u8])) {
    // Far more than a number, the lengths of two fields, and a timeout take.
    const ROOM: usize = 96;
    let mut piece = [0; ROOM];
    let mut rest = &mut piece[..];
    write(&mut rest);
    let written = ROOM - rest.len();
    buffer.put_slice(&piece[..written]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(envelope: &Envelope) -> Vec<u8> {
        let mut buffer = Vec::new();
        envelope.encode(&mut buffer);
        assert_eq!(buffer.len(), envelope.encoded_len());
        buffer
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
        assert_eq!(Envelope::decode(&mut &bytes[..]).unwrap(), request);
    }

    #[test]
    fn a_deadline_that_is_no_number_is_an_entry_like_others() {
        for value in ["", "1s", "-1", "99999999999999999999"] {
            let envelope = Envelope {
                entries: vec![entry("quorum-timeout-us", value)],
                ..Envelope::default()
            };
            assert_eq!(Envelope::decode(&mut &bytes_of(&envelope)[..]).unwrap(), envelope);
        }
    }

    #[test]
    fn unknown_fields_are_skipped() {
        let envelope = Envelope::decode(&mut &b"\x32\x03abc\x08\x07"[..]).unwrap();
        assert_eq!(envelope, Envelope { sequence: 7, ..Envelope::default() });
    }

    #[test]
    fn broken_bytes_are_refused_and_name_their_fault() {
        let refusal = |bytes: &[u8]| Envelope::decode(&mut &*bytes).unwrap_err().to_string();
        assert_eq!(refusal(b"\x12\x02\xff\xfe"), "the method is not UTF-8");
        assert_eq!(refusal(&b"\x22\x00".repeat(8193)), "it has more than 8192 entries");
        assert!(refusal(b"\x2a\x7f").contains("underflow"), "{}", refusal(b"\x2a\x7f"));
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
            prop_assert_eq!(Envelope::decode(&mut &bytes_of(&envelope)[..]).unwrap(), envelope);
        }

        #[test]
        fn no_bytes_at_all_make_the_decoder_panic(bytes: Vec<u8>) {
            let _ = Envelope::decode(&mut &bytes[..]);
        }
    }
}
