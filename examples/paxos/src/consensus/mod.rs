//! Multi-Paxos: one order of batches for all nodes (Lamport: *The Part-Time Parliament*, 1998).

mod ballot;
mod quorums;

pub(crate) use ballot::Ballot;
pub(crate) use quorums::{Accepted, Learned, Prepared, Quorums};
