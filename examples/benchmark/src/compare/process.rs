//! A run in a process of its own, so that no peer has the memory or the threads of another.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::Case;
use crate::arguments::Compare;
use crate::load::Load;
use crate::measurement::Figures;
use crate::peers::Peer;

pub(super) async fn run(peer: Peer, case: Case, arguments: &Compare) -> Result<Figures> {
    let Case { nodes, payload, callers } = case;
    let &Compare { seconds, warm_up, .. } = arguments;
    if peer == Peer::Gorums {
        return Peer::measure_gorums(nodes, payload, Load { callers, warm_up, seconds }).await;
    }
    let program = std::env::current_exe().context("this program cannot be found")?;
    let mut command = Command::new(program);
    command.args(["run", "--json", "-", "--peer", &peer.to_string()]);
    for (name, value) in [("--nodes", nodes), ("--payload", payload), ("--callers", callers)] {
        command.args([name, &value.to_string()]);
    }
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
