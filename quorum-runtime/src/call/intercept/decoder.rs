use std::fmt;

use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::call::gather::Outcome;
use crate::call::{Gather, Reply};
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
        let (reply, metadata) = match reply {
            Ok(reply) => (reply.payload, wire::metadata_of(reply.entries)),
            Err(error) => return Reply { node, result: Err(error), metadata: MetadataMap::new() },
        };
        let decoded = R::decode(reply).map_err(NodeError::Undecodable);
        let result = decoded.and_then(|reply| self.map(node, reply, &metadata));
        if let Err(error) = &result {
            gather.observe(node, error);
            gather.dismiss(node);
        }
        Reply { node, result, metadata }
    }

    fn map(&mut self, node: NodeId, reply: R, metadata: &MetadataMap) -> Result<R, NodeError> {
        let mapped = self.0.iter_mut().try_fold(reply, |reply, map| map(node, reply, metadata));
        mapped.map_err(NodeError::ReplyRejected)
    }
}

impl<R> fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Decoder").field(&self.0.len()).finish()
    }
}
