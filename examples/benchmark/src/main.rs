//! Measures quorum calls, and the same work done in other ways.
//!
//! ```text
//! cargo run --release -p benchmark -- run                            quorum calls on three nodes
//! cargo run --release -p benchmark -- compare --callers 1,16,64      beside other ways to do it
//! cargo run --release -p benchmark -- count                          instructions of one call
//! cargo run --release -p benchmark -- --help                         all of it
//! ```

mod arguments;
mod calls;
mod case;
mod chart;
mod cluster;
mod compare;
mod count;
mod format;
mod hang;
mod load;
mod machine;
mod measurement;
mod output;
mod peers;
mod report;
mod run;
mod serve;
mod store;
mod table;
mod values;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use tokio::runtime::{self, Runtime};

use arguments::{Arguments, Command};

/// The code that was generated from `proto/benchmark.proto`.
#[allow(missing_debug_implementations, reason = "of what tonic generates")]
#[allow(unreachable_pub, clippy::use_self, reason = "of what tonic generates")]
mod benchmark {
    quorum_runtime::include_proto!("benchmark");

    pub(crate) mod unary {
        include!(concat!(env!("OUT_DIR"), "/benchmark.Unary.rs"));
    }
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    if cfg!(debug_assertions) && !matches!(command, Command::Serve(_) | Command::Report(_)) {
        eprintln!("this was built without --release: its figures say little");
    }
    match runtime(command.threads()).and_then(|runtime| runtime.block_on(carry_out(command))) {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        // What is missing was said when it was found to be.
        Ok(Outcome::Incomplete) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// One thread is the one that there is already.
fn runtime(threads: Option<usize>) -> Result<Runtime> {
    let mut builder = match threads {
        Some(1) => runtime::Builder::new_current_thread(),
        _ => runtime::Builder::new_multi_thread(),
    };
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    builder.enable_all().build().context("the threads cannot be started")
}

async fn carry_out(command: Command) -> Result<Outcome> {
    match command {
        Command::Run(arguments) => run::run(&arguments).await,
        Command::Rpc(load) => run::kind(run::Kind::Rpc, &load).await,
        Command::Multicast(load) => run::kind(run::Kind::Multicast, &load).await,
        Command::Correctable(load) => run::kind(run::Kind::Correctable, &load).await,
        Command::Hang(arguments) => hang::hang(&arguments).await,
        Command::Serve(arguments) => serve::serve(&arguments).await,
        Command::Count(arguments) => count::count(&arguments).await,
        Command::Compare(arguments) => compare::compare(&arguments).await,
        Command::Report(arguments) => report::report(&arguments),
    }
}

/// Whether all was measured that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Complete,
    Incomplete,
}

impl Outcome {
    const fn complete(is_complete: bool) -> Self {
        if is_complete { Self::Complete } else { Self::Incomplete }
    }
}
