//! Bytes on the ordered stream: the wire of Gorums, so that its nodes and ours can stand in one
//! configuration.
//!
//! One bidirectional gRPC stream per client and node, opened by the client on [`PATH`]; each gRPC
//! message is one [`Envelope`]. A reply repeats the sequence number of its request.

mod codec;
mod envelope;
mod metadata;
mod status;

pub(crate) use codec::EnvelopeCodec;
pub(crate) use envelope::{Entry, Envelope};
pub(crate) use metadata::{entries_of, metadata_of};
pub(crate) use status::RpcStatus;

use tonic::metadata::MetadataMap;

/// The gRPC service of the ordered stream.
pub(crate) const SERVICE: &str = "stream.Gorums";
/// The path of its one method.
pub(crate) const PATH: &str = "/stream.Gorums/NodeStream";

/// The header by which either side says that it understands our additions to the wire.
const WIRE_HEADER: &str = "quorum-wire";
const WIRE_VERSION: &str = "1";

/// Says in the headers of a request or of a response that our additions are understood here.
pub(crate) fn announce(headers: &mut MetadataMap) {
    headers.insert(WIRE_HEADER, tonic::metadata::MetadataValue::from_static(WIRE_VERSION));
}

/// Whether the sender of these headers understands our additions.
pub(crate) fn announced(headers: &MetadataMap) -> bool {
    headers.get(WIRE_HEADER).is_some_and(|version| version == WIRE_VERSION)
}
