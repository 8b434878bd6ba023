use bytes::{Bytes, BytesMut};
use tonic::Status;

use crate::wire::envelope::Malformed;
use crate::wire::{Envelope, prefix};

/// The rest of a message is not copied from this size on.
pub(super) const LARGE: usize = 8 * 1024;

/// A message of which a part has come.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// From its prefix on. It grows with what has come, whatever the prefix announces.
    head: BytesMut,
    /// The rest of a message that came as a small part and a large one, which is the payload as it
    /// was sent.
    tail: Bytes,
    /// Of the message and its prefix.
    len: Option<usize>,
}

impl Partial {
    /// Takes more of the message; returns whether that was the rest of it.
    pub(super) fn is_complete_with(
        &mut self,
        unread: &mut Bytes,
        limit: usize,
    ) -> Result<bool, Status> {
        let Some(len) = self.len(unread, limit)? else {
            return Ok(false);
        };
        let missing = len - self.head.len();
        let part = unread.split_to(missing.min(unread.len()));
        let is_rest = part.len() == missing;
        if is_rest && part.len() >= LARGE && self.head.len() < LARGE {
            self.tail = part;
        } else {
            self.head.extend_from_slice(&part);
        }
        Ok(is_rest)
    }

    /// The length of the message with its prefix, once the prefix has come.
    fn len(&mut self, unread: &mut Bytes, limit: usize) -> Result<Option<usize>, Status> {
        if self.len.is_none() {
            let missing = prefix::LEN - self.head.len();
            self.head.extend_from_slice(&unread.split_to(missing.min(unread.len())));
            if let Some(&prefix) = self.head.first_chunk() {
                self.len = Some(prefix::LEN + prefix::read(prefix, limit)?);
            }
        }
        Ok(self.len)
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.head.capacity()
    }

    /// The message, which has come as a whole.
    pub(super) fn decode(self) -> Result<Envelope, Malformed> {
        let (head, tail) = (self.head.freeze(), self.tail);
        match Envelope::decode(&head, prefix::LEN..head.len(), tail.clone()) {
            // It was cut elsewhere.
            Err(_) if !tail.is_empty() => {
                let whole = Bytes::from([head, tail].concat());
                Envelope::decode(&whole, prefix::LEN..whole.len(), Bytes::new())
            }
            decoded => decoded,
        }
    }
}
