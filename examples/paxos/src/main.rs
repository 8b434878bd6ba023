//! A replicated, durable map on Multi-Paxos.

mod compare;
mod config;
mod consensus;
mod error;
mod map;
mod mutant;
mod sync;

/// The code that was generated from `proto/`.
mod paxos {
    quorum_runtime::include_proto!("paxos");
}

fn main() {}
