//! Gorums, by its own program in `tests/interop/gorums`: a process that serves, calls, and prints its
//! figures as one line of JSON.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::measurement::Figures;

/// Where its program is.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/interop/gorums");

/// Fetches and builds what is needed, so that it is not done while something is measured.
pub(super) async fn prepare() -> Result<()> {
    ensure!(
        Path::new(FOLDER).join("benchmark").is_dir(),
        "tests/interop/gorums/benchmark is missing"
    );
    let mut go = Command::new("go");
    let built = go.args(["build", "-o", null_device(), "./benchmark"]).current_dir(FOLDER).output();
    done(&built.await.context("Go is not installed: `go` cannot be started")?).map(drop)
}

/// Its warm-up is its own.
pub(super) async fn measure(
    nodes: usize,
    payload: usize,
    callers: usize,
    seconds: Duration,
) -> Result<Figures> {
    let mut go = Command::new("go");
    go.args(["run", "./benchmark"]).current_dir(FOLDER).stdin(Stdio::null()).kill_on_drop(true);
    for (name, value) in [("-nodes", nodes), ("-payload", payload), ("-callers", callers)] {
        go.args([name, &value.to_string()]);
    }
    let run = go.args(["-seconds", &seconds.as_secs_f64().to_string()]).output().await;
    let output = run.context("`go` cannot be started")?;
    let printed = done(&output)?;
    serde_json::from_str(printed.trim())
        .with_context(|| format!("it printed no figures but `{printed}`"))
}

/// What a program printed that ended well.
fn done(output: &Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "its program failed: {}", said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

const fn null_device() -> &'static str {
    if cfg!(windows) { "NUL" } else { "/dev/null" }
}
