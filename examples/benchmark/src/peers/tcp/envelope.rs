//! The bytes of this library's envelopes, written by hand.

use std::io;

use bytes::{Buf as _, BufMut, Bytes};
use prost::Message as _;
use prost::encoding::{decode_varint, encode_varint, encoded_len_varint};

use super::frames::LENGTH;
use crate::benchmark::Block;

/// Method and deadline, as this library sends them.
const METHOD: &[u8] = b"\x12\x19benchmark.Benchmark.Store";
const DEADLINE: &[u8] = b"\x22\x1d\x0a\x11quorum-timeout-us\x12\x0810000000";

/// Keys of fields: their number and their type on the wire.
const SEQUENCE: u8 = 0x08;
const PAYLOAD: u8 = 0x2a;

/// Writes the frame of a request.
pub(super) fn write_request(sequence: u64, block: &Block, buffer: &mut Vec<u8>) {
    let payload = block.encoded_len();
    let field = match payload {
        0 => 0,
        _ => 1 + encoded_len_varint(payload as u64) + payload,
    };
    let length = 1 + encoded_len_varint(sequence) + METHOD.len() + DEADLINE.len() + field;
    buffer.reserve(LENGTH + length);
    write_length(length, buffer);
    write_sequence(sequence, buffer);
    buffer.put_slice(METHOD);
    buffer.put_slice(DEADLINE);
    if field > 0 {
        buffer.put_u8(PAYLOAD);
        encode_varint(payload as u64, buffer);
        block.encode_raw(buffer);
    }
}

/// Writes the frame of a reply, whose message has no fields.
pub(super) fn write_reply(sequence: u64, buffer: &mut Vec<u8>) {
    write_length(1 + encoded_len_varint(sequence), buffer);
    write_sequence(sequence, buffer);
}

/// Reads what both have: the number, and the payload or an empty one.
pub(super) fn read(mut frame: Bytes) -> io::Result<(u64, Bytes)> {
    let (mut sequence, mut payload) = (0, Bytes::new());
    while frame.has_remaining() {
        let key = frame.get_u8();
        let value = decode_varint(&mut frame).map_err(|error| malformed(&error.to_string()))?;
        if key == SEQUENCE {
            sequence = value;
            continue;
        }
        let length = usize::try_from(value).unwrap_or(usize::MAX);
        if length > frame.remaining() {
            return Err(malformed("a field is longer than its frame"));
        }
        let field = frame.split_to(length);
        if key == PAYLOAD {
            payload = field;
        }
    }
    Ok((sequence, payload))
}

pub(super) fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

fn write_length(length: usize, buffer: &mut Vec<u8>) {
    buffer.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
}

fn write_sequence(sequence: u64, buffer: &mut Vec<u8>) {
    buffer.put_u8(SEQUENCE);
    encode_varint(sequence, buffer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_as_it_is_read() {
        for length in [0, 1, 200, 70_000] {
            let block = Block { payload: vec![7; length].into() };
            let mut buffer = Vec::new();
            write_request(300, &block, &mut buffer);
            let frame = Bytes::from(buffer).split_off(LENGTH);
            let (sequence, payload) = read(frame).unwrap();
            assert_eq!((sequence, Block::decode(payload).unwrap()), (300, block));
        }
    }

    #[test]
    fn the_length_in_front_is_that_of_the_rest() {
        let mut buffer = Vec::new();
        write_request(1, &Block::default(), &mut buffer);
        assert_eq!(buffer[..LENGTH], u32::try_from(buffer.len() - LENGTH).unwrap().to_be_bytes());
        buffer.clear();
        write_reply(300, &mut buffer);
        assert_eq!(buffer, b"\0\0\0\x03\x08\xac\x02");
    }

    #[test]
    fn broken_frames_are_refused() {
        for bytes in
            [&b"\x2a\x05abc"[..], b"\x08", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]
        {
            read(Bytes::from_static(bytes)).unwrap_err();
        }
    }
}
