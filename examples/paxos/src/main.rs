//! A replicated, durable map on Multi-Paxos.

mod agreement;
mod client;
mod config;
mod consensus;
mod error;
mod map;
mod mutant;
mod node;
mod replica;
#[cfg(feature = "sim")]
mod sim;
mod sync;

/// The code that was generated from `proto/`.
mod paxos {
    quorum_runtime::include_proto!("paxos");
}

use clap::Parser as _;

#[derive(clap::Parser)]
enum Arguments {
    /// Runs whole clusters under simulated faults, and checks what their clients see.
    #[cfg(feature = "sim")]
    Sim(quorum_runtime::sim::Command),
}

fn main() -> std::process::ExitCode {
    match Arguments::parse() {
        #[cfg(feature = "sim")]
        Arguments::Sim(command) => command.run(&sim::study()),
    }
}
