//! A run in a process of its own, so that no peer has the memory or the threads of another.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use crate::arguments::Compare;
use crate::case::Case;
use crate::measurement::Figures;
use crate::peers::Peer;

pub(super) async fn run(peer: Peer, case: Case, arguments: &Compare) -> Result<Figures> {
    let Case { nodes, payload, callers } = case;
    let &Compare { seconds, warm_up, .. } = arguments;
    if peer == Peer::Gorums {
        return Peer::measure_gorums(nodes, payload, callers, seconds).await;
    }
    let mut command = Command::new(this_program()?);
    command.args(run_of(peer, case));
    for (name, time) in [("--seconds", seconds), ("--warm-up", warm_up)] {
        command.args([name, &time.as_secs_f64().to_string()]);
    }
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}", said.trim().trim_start_matches("error: "));
    }
    serde_json::from_slice(&output.stdout).context("a run printed no figures")
}

pub(crate) fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("this program cannot be found")
}

/// The arguments of a run that prints its figures as JSON.
pub(crate) fn run_of(peer: Peer, case: Case) -> Vec<String> {
    let Case { nodes, payload, callers } = case;
    let mut arguments = ["run", "--json", "-", "--peer"].map(str::to_owned).to_vec();
    arguments.push(peer.to_string());
    for (name, value) in [("--nodes", nodes), ("--payload", payload), ("--callers", callers)] {
        arguments.extend([name.to_owned(), value.to_string()]);
    }
    arguments
}
