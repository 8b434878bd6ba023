//! The program around the nodes: arguments, prompts, loads, and tests of whole processes.

mod cluster;
mod comparing;
mod connect;
mod folder;
mod kill;
mod load;
mod machine;
mod nodes;
mod processes;
mod prompt;
mod serve;
mod settings;
mod synchronise;
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
  paxos kill --nodes 5 --seconds 60         processes are killed; is all there that was acknowledged?
  paxos synchronise --keys 1000000          a store is copied while 1,000 commits a second go on
  paxos compare paxos-1 paxos-2             the keys in which two stores differ
  paxos sync --from paxos-1 --into paxos-2  gives a stopped node the store of another
  paxos sim --seeds 1000                    clusters under simulated faults, checked

Exit code: 0 when all went well, 1 when something did not, 2 when the arguments are wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one node until it is stopped with Ctrl-C.
    Serve(serve::Serve),

    /// Measures requests by many clients at a time.
    Load(load::Load),

    /// Kills processes at random while clients work, and checks that nothing acknowledged is lost.
    Kill(kill::Kill),

    /// Measures how a node that fell behind copies the store of another, while commits go on.
    Synchronise(synchronise::Synchronise),

    /// Names the keys in which the stores of two stopped nodes differ.
    Compare(comparing::Folders),

    /// Copies the store of a stopped node into the folder of another one that is stopped too.
    Sync(comparing::Sync),

    /// Runs whole clusters under simulated faults, and checks what their clients see.
    #[cfg(feature = "sim")]
    Sim(quorum_runtime::sim::Command),
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let Arguments { command, prompt } = Arguments::parse();
    run(command, prompt).unwrap_or_else(|error| {
        eprintln!("error: {}", sentence(&error));
        ExitCode::FAILURE
    })
}

fn run(command: Option<Command>, prompt: prompt::Prompt) -> Result<ExitCode> {
    match command {
        None => prompt.run()?,
        Some(Command::Load(load)) => load.run()?,
        Some(Command::Kill(kill)) => kill.run()?,
        Some(Command::Synchronise(synchronise)) => synchronise.run()?,
        Some(Command::Compare(folders)) => return folders.run(),
        Some(Command::Sync(sync)) => sync.run()?,
        #[cfg(feature = "sim")]
        Some(Command::Sim(command)) => return Ok(command.run(&crate::sim::study())),
        Some(Command::Serve(serve)) => Runtime::new()?.block_on(serve.run())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// An error with its causes, but for those that it has told already.
fn sentence(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn no_cause_is_told_twice() {
        let error =
            anyhow!("the disk is full").context("cannot write: the disk is full").context("no");
        assert_eq!(sentence(&error), "no: cannot write: the disk is full");
    }
}
