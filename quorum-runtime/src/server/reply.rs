use bytes::Bytes;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::wire::{self, Envelope, RpcStatus};

/// What a reply repeats of its request.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplyHead {
    pub(super) sequence: u64,
    pub(super) method: Bytes,
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
    pub(super) fn reply(
        self,
        metadata: Option<MetadataMap>,
        head: &ReplyHead,
        outcome: Result<Bytes, Status>,
    ) -> Envelope {
        let method = if self.repeats_method { head.method.clone() } else { Bytes::new() };
        let entries = metadata.map(|metadata| wire::entries_of(&metadata)).unwrap_or_default();
        let mut reply =
            Envelope { sequence: head.sequence, method, entries, ..Envelope::default() };
        match outcome {
            Ok(payload) => reply.payload = payload,
            Err(status) => {
                reply.status = Some(Box::new(RpcStatus::from(&status)));
                reply.entries.extend(wire::entries_of(status.metadata()));
            }
        }
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
    pub(super) fn end(self, head: &ReplyHead) -> Option<Envelope> {
        let end = || Envelope {
            sequence: head.sequence,
            entries: wire::end_entries(),
            ..Envelope::default()
        };
        (!self.repeats_method).then(end)
    }
}
