//! `count`: the instructions of one call. They don't change when the machine is busy, as times do.

use std::io::ErrorKind;
use std::process::{Output, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use tokio::process::Command;

use crate::Outcome;
use crate::arguments::Count;
use crate::case::{Case, bar, cases, distinct};
use crate::compare::{peers, run_of, this_program};
use crate::format::{bytes, figure, known};
use crate::measurement::Figures;
use crate::output::{self, Lines};
use crate::peers::Peer;
use crate::table::table;

/// A count, as a line of JSON.
#[derive(Debug, Serialize)]
struct Counted {
    peer: String,
    nodes: usize,
    /// Bytes.
    payload: usize,
    callers: usize,
    /// Of client and servers together, outside of the kernel.
    instructions_per_op: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    allocs_per_op: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alloc_bytes_per_op: Option<f64>,
}

pub(crate) async fn count(arguments: &Count) -> Result<Outcome> {
    let mut lines = arguments.json.as_deref().map(Lines::open).transpose()?;
    let peers: Vec<_> = peers(&arguments.peers).await.into_iter().filter(is_counted).collect();
    ensure!(!peers.is_empty(), "there is no peer to count");
    find_valgrind().await?;
    let (counts, failed) = count_all(arguments, &peers, lines.as_mut()).await?;
    ensure!(!counts.is_empty(), "nothing could be counted");
    if !lines.as_ref().is_some_and(Lines::is_stdout) {
        print(&counts)?;
    }
    Ok(Outcome::complete(failed == 0 && peers.len() == distinct(&arguments.peers).len()))
}

fn is_counted(peer: &Peer) -> bool {
    let is_counted = *peer != Peer::Gorums;
    if !is_counted {
        eprintln!("{peer} is left out: valgrind does not run programs in Go");
    }
    is_counted
}

/// All counts, and how many failed.
async fn count_all(
    arguments: &Count,
    peers: &[Peer],
    mut lines: Option<&mut Lines>,
) -> Result<(Vec<Counted>, usize)> {
    let cases = cases(&arguments.cases);
    let bar = bar(cases.len() * peers.len());
    let (mut counts, mut failed) = (Vec::new(), 0);
    for case in cases {
        for &peer in peers {
            bar.set_message(format!("{peer}: {case}"));
            bar.tick();
            match count_one(peer, case, arguments.calls).await {
                Ok(counted) => {
                    if let Some(lines) = &mut lines {
                        lines.write(&counted)?;
                    }
                    counts.push(counted);
                }
                Err(error) => {
                    failed += 1;
                    bar.suspend(|| {
                        eprintln!("{peer} with {case} could not be counted: {error:#}");
                    });
                }
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok((counts, failed))
}

/// Runs it with few calls and with more, so that what a run takes to begin and to end cancels out.
async fn count_one(peer: Peer, case: Case, calls: u64) -> Result<Counted> {
    let before = calls.div_ceil(4);
    let few = Total::of(peer, case, before).await?;
    let more = Total::of(peer, case, before + calls).await?;
    let per_op = |few: f64, more: f64| ((more - few) / calls as f64 * 100.0).round() / 100.0;
    let known_per_op = |few: Option<f64>, more| few.zip(more).map(|(few, more)| per_op(few, more));
    let Case { nodes, payload, callers } = case;
    Ok(Counted {
        peer: peer.to_string(),
        nodes,
        payload,
        callers,
        instructions_per_op: per_op(few.instructions, more.instructions),
        allocs_per_op: known_per_op(few.allocations, more.allocations),
        alloc_bytes_per_op: known_per_op(few.allocated, more.allocated),
    })
}

/// What a whole run took.
struct Total {
    instructions: f64,
    allocations: Option<f64>,
    allocated: Option<f64>,
}

impl Total {
    async fn of(peer: Peer, case: Case, calls: u64) -> Result<Self> {
        let mut valgrind = Command::new(VALGRIND);
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(this_program()?);
        valgrind.args(run_of(peer, case)).args(["--threads", "1", "--calls", &calls.to_string()]);
        let output = valgrind.stdin(Stdio::null()).kill_on_drop(true).output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "valgrind failed: {}", said.trim());
        let collected = said.lines().find_map(|line| line.split_once("Collected : "));
        let (_, collected) = collected.context("valgrind did not say what it collected")?;
        let figures: Figures =
            serde_json::from_slice(&output.stdout).context("a run printed no figures")?;
        let of_all = |per_op: f64| per_op * calls as f64;
        Ok(Self {
            instructions: collected.trim().parse().context("valgrind collected no number")?,
            allocations: figures.allocs_per_op.map(of_all),
            allocated: figures.alloc_bytes_per_op.map(of_all),
        })
    }
}

const VALGRIND: &str = "valgrind";

async fn find_valgrind() -> Result<()> {
    let output = Command::new(VALGRIND).arg("--version").stdin(Stdio::null()).output().await;
    match output {
        Ok(Output { status, .. }) if status.success() => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "instructions are counted by valgrind, which is not installed: \
             `apt-get install valgrind`, or what your system has in its place"
        ),
        Ok(Output { stderr, .. }) => {
            bail!("valgrind does not run: {}", String::from_utf8_lossy(&stderr).trim())
        }
        Err(error) => Err(error).context("valgrind cannot be started"),
    }
}

fn print(counts: &[Counted]) -> Result<()> {
    let head =
        ["nodes", "payload", "callers", "peer", "instructions/call", "allocs/call", "bytes/call"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for counted in counts {
        let &Counted { nodes, payload, callers, instructions_per_op, .. } = counted;
        rows.push(vec![
            nodes.to_string(),
            bytes(payload),
            callers.to_string(),
            counted.peer.clone(),
            figure(instructions_per_op),
            known(counted.allocs_per_op),
            known(counted.alloc_bytes_per_op),
        ]);
    }
    output::print(table(4, &rows).trim_end())?;
    output::print(
        "Client and servers together, on one thread, without what the kernel does for them.",
    )
}
