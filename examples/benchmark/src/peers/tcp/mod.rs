//! The same envelopes on bare TCP, each behind its length: what the network and the bytes cost.
//!
//! One connection a node, pipelined; a task that writes what has gathered, a task that reads. Replies
//! come in the order of the requests, so no table is searched. It copies payloads into its buffers. It
//! has no deadlines, no cancellation, no reconnection, no flow control and no limits.

mod client;
mod envelope;
mod frames;
mod server;

pub(super) use client::Client;
pub(super) use server::serve;
