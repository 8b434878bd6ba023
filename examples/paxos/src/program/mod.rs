//! The program around the nodes: arguments, prompts, loads, and tests of whole processes.

mod cluster;
mod connect;
mod folder;
mod load;
mod machine;
mod processes;
mod prompt;
mod serve;
mod settings;
mod tls;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

/// A replicated, durable map on Multi-Paxos.
///
/// Without a subcommand it opens a prompt on a cluster of three nodes in this process; type `help` there.
/// Commands are also read from a pipe.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    prompt: prompt::Prompt,
}

const EXAMPLES: &str = "\
Examples:
  paxos                                     three nodes and a prompt in one process
  paxos --nodes 5 --data data               five, and the next time all is there
  paxos serve --id 1 --new                  a node in a process of its own, the first time
  paxos serve --id 1                        the same node, from then on
  paxos --connect 127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103
                                            a prompt on these
  paxos load --clients 64 --peer paxos,etcd --repeats 3
                                            figures, beside those of etcd
  paxos sim --seeds 1000                    clusters under simulated faults, checked

Exit code: 0 when all went well, 1 when something did not, 2 when the arguments are wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one node until it is stopped with Ctrl-C.
    Serve(serve::Serve),

    /// Measures requests by many clients at a time.
    Load(load::Load),

    /// Runs whole clusters under simulated faults, and checks what their clients see.
    #[cfg(feature = "sim")]
    Sim(quorum_runtime::sim::Command),
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let Arguments { command, prompt } = Arguments::parse();
    run(command, prompt).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(command: Option<Command>, prompt: prompt::Prompt) -> Result<ExitCode> {
    match command {
        None => prompt.run()?,
        Some(Command::Load(load)) => load.run()?,
        #[cfg(feature = "sim")]
        Some(Command::Sim(command)) => return Ok(command.run(&crate::sim::study())),
        Some(Command::Serve(serve)) => Runtime::new()?.block_on(serve.run())?,
    }
    Ok(ExitCode::SUCCESS)
}
