//! Bytes on the ordered stream: the wire of Gorums, so that its nodes and ours can stand in one
//! configuration.
//!
//! One bidirectional gRPC stream per client and node, opened by the client on [`PATH`]; each gRPC
//! message is one [`Envelope`]. A reply repeats the sequence number of its request.

mod bytes_codec;
mod envelope;
mod grpc_timeout;
mod handshake;
mod message_codec;
mod metadata;
mod piece;
mod prefix;
mod received;
mod sent;
mod status;
mod stream;
mod timeout;

use std::time::Duration;

pub(crate) use bytes_codec::BytesCodec;
use envelope::Malformed;
pub(crate) use envelope::{Entry, Envelope};
pub(crate) use grpc_timeout::{GRPC_TIMEOUT, grpc_timeout};
pub(crate) use handshake::{Hello, StreamId, claimed_id};
pub(crate) use message_codec::MessageCodec;
pub(crate) use metadata::{entries_of, metadata_of};
pub(crate) use sent::{Sent, trailers};
pub(crate) use status::RpcStatus;
pub(crate) use stream::{replies, request, requests, response};

/// The gRPC path of the ordered stream: method `NodeStream` of service `stream.Gorums`.
pub(crate) const PATH: &str = "/stream.Gorums/NodeStream";

/// The largest message by default, for both sides: what gRPC accepts by default.
pub(crate) const MAX_MESSAGE_SIZE: usize = 4 * 1024 * 1024;

/// The largest message at all: its length is written in 32 bits.
pub(crate) const LARGEST_MESSAGE: usize = u32::MAX as usize;

/// How often an HTTP/2 ping asks whether the other side is still there, and how long it may take to
/// answer: by default, for both sides. Without, a peer that is gone in silence is never noticed.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(5);
pub(crate) const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Marks the calls of a server to its client, which share the stream with those of the client.
pub(crate) const FROM_SERVER: u64 = 1 << 63;

/// Keys of entries and headers that begin so are ours; the application's metadata has none.
const OURS: &str = "quorum-";

/// The entry that marks the end of the replies to a call that may have several. Only a peer that
/// announced that it understands our additions is sent one.
const END: &str = "quorum-end";

/// The entries of a message that ends the replies to its call.
pub(crate) fn end_entries() -> Vec<Entry> {
    vec![Entry { key: END.to_owned(), value: String::new() }]
}

/// Whether a message ends the replies to its call.
pub(crate) fn is_end(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| entry.key == END)
}

/// The entry that tells a node to stop a call. Only a peer that announced that it understands our
/// additions is sent one.
const CANCEL: &str = "quorum-cancel";

/// The message that tells a node to stop the call with this number.
pub(crate) fn cancel(sequence: u64) -> Envelope {
    let entries = vec![Entry { key: CANCEL.to_owned(), value: String::new() }];
    Envelope { sequence, entries, ..Envelope::default() }
}

/// Whether a message tells to stop a call.
pub(crate) fn is_cancel(message: &Envelope) -> bool {
    message.method.is_empty() && message.entries.iter().any(|entry| entry.key == CANCEL)
}
