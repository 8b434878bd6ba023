use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::peers::ENVELOPE;
use crate::values::MAX_PAYLOAD;

/// Bytes in front of each frame: its length, big-endian.
pub(super) const LENGTH: usize = 4;

/// Bytes that are asked for at once.
const PIECE: usize = 64 * 1024;

/// What was read from a connection and not taken yet.
#[derive(Debug, Default)]
pub(super) struct Frames(BytesMut);

impl Frames {
    /// Reads some more. `false` at the end.
    pub(super) async fn read(
        &mut self,
        connection: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<bool> {
        self.0.reserve(self.missing().max(PIECE));
        Ok(connection.read_buf(&mut self.0).await? > 0)
    }

    /// The next frame, if it is there as a whole.
    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some(length) = self.length() else {
            return Ok(None);
        };
        if length > MAX_PAYLOAD + ENVELOPE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the frame is too long"));
        }
        if self.0.len() < LENGTH + length {
            return Ok(None);
        }
        self.0.advance(LENGTH);
        Ok(Some(self.0.split_to(length).freeze()))
    }

    /// How much of the frame that has begun is still to come.
    fn missing(&self) -> usize {
        let length = self.length().unwrap_or_default().min(MAX_PAYLOAD + ENVELOPE);
        (LENGTH + length).saturating_sub(self.0.len())
    }

    fn length(&self) -> Option<usize> {
        let length = self.0.first_chunk::<LENGTH>()?;
        usize::try_from(u32::from_be_bytes(*length)).ok()
    }
}
