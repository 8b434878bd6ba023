use bytes::{BufMut as _, BytesMut};

/// Several small things that are written to a buffer at once: a buffer that can grow takes its time
/// for each.
///
/// What is written between two flushes is less than it holds: all of an envelope but for its method
/// if that is long, its status, its metadata and its payload.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: [u8; ROOM],
    len: usize,
}

const ROOM: usize = 256;

impl Default for Piece {
    fn default() -> Self {
        Self { bytes: [0; ROOM], len: 0 }
    }
}

impl Piece {
    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    #[inline]
    pub(super) fn slice(&mut self, slice: &[u8]) {
        self.bytes[self.len..][..slice.len()].copy_from_slice(slice);
        self.len += slice.len();
    }

    /// A number as protobuf writes it.
    #[inline]
    pub(super) fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    #[inline]
    pub(super) fn flush(&mut self, buffer: &mut BytesMut) {
        buffer.put_slice(&self.bytes[..self.len]);
        self.len = 0;
    }
}
