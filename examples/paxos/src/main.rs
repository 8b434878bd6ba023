//! A replicated, durable map on Multi-Paxos.

mod agreement;
mod client;
mod compare;
mod config;
mod consensus;
mod error;
mod map;
mod mutant;
mod node;
mod program;
mod replica;
#[cfg(feature = "sim")]
mod sim;
mod sync;
mod timeout;

/// The code that was generated from `proto/`.
#[allow(unreachable_pub, unnameable_types, reason = "it is generated as for a library")]
mod paxos {
    quorum_runtime::include_proto!("paxos");
}

fn main() -> std::process::ExitCode {
    program::main()
}
