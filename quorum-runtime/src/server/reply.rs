use bytes::Bytes;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::registry;
use crate::wire::{self, Envelope, RpcStatus};

/// More than a reply without metadata takes besides its method and its payload.
const FRAMING: usize = 64;

/// What a reply repeats of its request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReplyHead {
    pub(super) sequence: u64,
    pub(super) method: &'static str,
}

/// How the replies to one caller are put.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phrasing {
    /// Replies repeat their method, because the caller needs that to read them.
    pub(super) repeats_method: bool,
    pub(super) max_message_size: usize,
}

impl Phrasing {
    /// A reply, with metadata where there is some. That of a status travels in the same place.
    #[inline]
    pub(super) fn reply(
        self,
        metadata: Option<MetadataMap>,
        head: ReplyHead,
        outcome: Result<Bytes, Status>,
    ) -> Envelope {
        let method = Bytes::from_static(head.method.as_bytes());
        match (outcome, metadata) {
            (Ok(payload), None) => {
                let method = self.name(method);
                let bytes = method.len() + payload.len() + FRAMING;
                let reply =
                    Envelope { sequence: head.sequence, method, payload, ..Envelope::default() };
                // The exact size takes a while, and is nearly never in doubt.
                if bytes <= self.max_message_size { reply } else { self.limited(reply) }
            }
            (outcome, metadata) => self.put(head.sequence, method, metadata, outcome),
        }
    }

    /// The answer to a request for a method that is not there.
    pub(super) fn no_method(self, sequence: u64, method: Bytes) -> Envelope {
        let outcome = Err(registry::no_method(&method));
        self.put(sequence, method, None, outcome)
    }

    #[cold]
    fn put(
        self,
        sequence: u64,
        method: Bytes,
        metadata: Option<MetadataMap>,
        outcome: Result<Bytes, Status>,
    ) -> Envelope {
        let entries = metadata.map(|metadata| wire::entries_of(&metadata)).unwrap_or_default();
        let method = self.name(method);
        let mut reply = Envelope { sequence, method, entries, ..Envelope::default() };
        match outcome {
            Ok(payload) => reply.payload = payload,
            Err(status) => {
                reply.status = Some(Box::new(RpcStatus::from(&status)));
                reply.entries.extend(wire::entries_of(status.metadata()));
            }
        }
        self.limited(reply)
    }

    fn name(self, method: Bytes) -> Bytes {
        if self.repeats_method { method } else { Bytes::new() }
    }

    /// The reply, if it is not too large; else a status that says so.
    fn limited(self, mut reply: Envelope) -> Envelope {
        let (bytes, limit) = (reply.encoded_len(), self.max_message_size);
        if bytes > limit {
            let text = format!("the reply of {bytes} bytes is over the limit of {limit}");
            reply.payload = Bytes::new();
            reply.entries.clear();
            reply.status = Some(Box::new(RpcStatus::from(&Status::resource_exhausted(text))));
        }
        reply
    }

    /// The mark after the last of several replies, where the caller understands it.
    pub(super) fn end(self, head: ReplyHead) -> Option<Envelope> {
        let end = || Envelope {
            sequence: head.sequence,
            entries: wire::end_entries(),
            ..Envelope::default()
        };
        (!self.repeats_method).then(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_limited_to_the_byte() {
        let head = ReplyHead { sequence: u64::MAX, method: "a.B.C" };
        for (repeats_method, bytes) in [(false, 0), (true, 0), (false, 100), (true, 70_000)] {
            let reply = |max_message_size| {
                let payload = Ok(Bytes::from(vec![0; bytes]));
                Phrasing { repeats_method, max_message_size }.reply(None, head, payload)
            };
            let exactly = reply(usize::MAX).encoded_len();
            assert!(exactly <= reply(usize::MAX).method.len() + bytes + FRAMING);
            for limit in exactly..exactly + 2 * FRAMING {
                assert_eq!(reply(limit).status, None, "{limit}");
            }
            assert!(reply(exactly - 1).status.is_some());
        }
    }
}
