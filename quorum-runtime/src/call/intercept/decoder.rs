use std::fmt;

use bytes::Bytes;
use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::call::gather::Outcome;
use crate::call::{Gather, Replied, Reply};
use crate::error::NodeError;
use crate::quorum::NodeId;
use crate::wire;

type Map<R> = Box<dyn FnMut(NodeId, R, &MetadataMap) -> Result<R, Status> + Send>;

/// Makes replies of what arrives for one call, by way of what the call does to each of them.
pub(in crate::call) struct Decoder<R>(Vec<Map<R>>);

impl<R> Default for Decoder<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<R: Message + Default> Decoder<R> {
    /// Behind what is done already.
    pub(in crate::call) fn add(
        &mut self,
        map: impl FnMut(NodeId, R, &MetadataMap) -> Result<R, Status> + Send + 'static,
    ) {
        self.0.push(Box::new(map));
    }

    /// A node that sent what is no reply, or is not accepted as one, has no further part in the call.
    pub(in crate::call) fn decode(&mut self, outcome: Outcome, gather: &mut Gather) -> Reply<R> {
        let Outcome { node, reply } = outcome;
        let Replied { payload, entries } = match reply {
            Ok(reply) => reply,
            Err(error) => return Reply { node, result: Err(error), metadata: MetadataMap::new() },
        };
        let metadata = wire::metadata_of(entries);
        let result = decoded(payload).and_then(|reply| self.map(node, reply, &metadata));
        Reply { node, result: accepted(node, result, gather), metadata }
    }

    /// The same for those who do not look at the metadata.
    pub(in crate::call) fn decode_result(
        &mut self,
        outcome: Outcome,
        gather: &mut Gather,
    ) -> Result<R, NodeError> {
        if !self.0.is_empty() {
            return self.decode(outcome, gather).result;
        }
        accepted(outcome.node, decoded(outcome.reply?.payload), gather)
    }

    fn map(&mut self, node: NodeId, reply: R, metadata: &MetadataMap) -> Result<R, NodeError> {
        let mapped = self.0.iter_mut().try_fold(reply, |reply, map| map(node, reply, metadata));
        mapped.map_err(NodeError::ReplyRejected)
    }
}

fn decoded<R: Message + Default>(payload: Bytes) -> Result<R, NodeError> {
    R::decode(payload).map_err(NodeError::Undecodable)
}

fn accepted<R>(
    node: NodeId,
    result: Result<R, NodeError>,
    gather: &mut Gather,
) -> Result<R, NodeError> {
    if let Err(error) = &result {
        gather.observe(node, error);
        gather.dismiss(node);
    }
    result
}

impl<R> fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Decoder").field(&self.0.len()).finish()
    }
}
