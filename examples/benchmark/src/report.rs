//! `report`: what was measured before, as Markdown and as a chart.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::ValueEnum as _;
use serde::Deserialize;

use crate::Outcome;
use crate::arguments::Report;
use crate::case::{Case, distinct};
use crate::chart::chart;
use crate::compare::{Medians, ours};
use crate::format::{bytes, figure, known};
use crate::measurement::Figures;
use crate::output::{self, create};
use crate::peers::Peer;

/// A line of `compare --json`.
#[derive(Deserialize)]
struct Run {
    peer: String,
    nodes: usize,
    payload: usize,
    callers: usize,
    #[serde(flatten)]
    figures: Figures,
}

pub(crate) fn report(arguments: &Report) -> Result<Outcome> {
    let mut medians = Medians::default();
    for file in &arguments.runs {
        read(file, &mut medians)?;
    }
    ensure!(!medians.is_empty(), "there is no run to report");
    if let Some(path) = &arguments.chart {
        create(path)?.write_all(chart(&medians).as_bytes())?;
    }
    let table = if arguments.lost { lost(&medians) } else { table(&medians) };
    output::print(table.trim_end())?;
    Ok(Outcome::Complete)
}

fn read(file: &Path, medians: &mut Medians) -> Result<()> {
    let name = file.display();
    let lines = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    for (at, line) in lines.lines().enumerate() {
        let number = at + 1;
        let run: Run = serde_json::from_str(line)
            .with_context(|| format!("line {number} of {name} is no run"))?;
        let peer = Peer::from_str(&run.peer, false)
            .map_err(|_| anyhow!("line {number} of {name} names no peer: {}", run.peer))?;
        let Run { nodes, payload, callers, figures, .. } = run;
        medians.add(Case { nodes, payload, callers }, peer, figures);
    }
    Ok(())
}

/// A row for each case: the figures of quorum, and its ratio to each peer.
fn table(medians: &Medians) -> String {
    let all = medians.cases().flat_map(|(_, peers)| peers).map(|(peer, _)| peer);
    let others: Vec<_> = distinct(all).into_iter().filter(|peer| *peer != Peer::Quorum).collect();
    let names = others.iter().map(|peer| format!("× {peer}"));
    let (mut head, mut rest) = (vec!["nodes", "payload", "callers", "calls/s"], Vec::new());
    let names: Vec<_> = names.collect();
    head.extend(names.iter().map(String::as_str));
    head.extend(["p50 µs", "p99 µs", "CPU µs/call"]);
    rest.push(format!("|{}", "---:|".repeat(head.len())));
    for (case, peers) in medians.cases() {
        let quorum = peers.iter().find(|(peer, _)| *peer == Peer::Quorum);
        let Some((_, quorum)) = quorum else { continue };
        let mut row = vec![case.nodes.to_string(), bytes(case.payload), case.callers.to_string()];
        row.push(figure(quorum.ops_per_s));
        row.extend(others.iter().map(|other| ratio(&peers, *other)));
        row.extend([figure(quorum.p50_us), figure(quorum.p99_us), known(quorum.cpu_us_per_op)]);
        rest.push(format!("| {} |", row.join(" | ")));
    }
    format!("| {} |\n{}\n", head.join(" | "), rest.join("\n"))
}

/// How many times as many calls quorum makes; fewer in bold.
fn ratio(peers: &[(Peer, Figures)], other: Peer) -> String {
    let theirs = peers.iter().find(|(peer, _)| *peer == other).map(|(_, theirs)| theirs.ops_per_s);
    match ours(peers).zip(theirs).map(|(ours, theirs)| ours / theirs) {
        Some(ratio) if ratio < 1.0 => format!("**{}**", figure(ratio)),
        ratio => known(ratio),
    }
}

/// The cases in which a peer makes more calls, the worst first.
fn lost(medians: &Medians) -> String {
    let mut lost = Vec::new();
    for (case, peers) in medians.cases() {
        let Some(ours) = ours(&peers) else { continue };
        let ratios = peers.iter().map(|(peer, theirs)| (ours / theirs.ops_per_s, case, *peer));
        lost.extend(ratios.filter(|(ratio, ..)| *ratio < 1.0));
    }
    lost.sort_by(|(one, ..), (other, ..)| one.total_cmp(other));
    if lost.is_empty() {
        return "No peer makes more calls in any case.\n".to_owned();
    }
    let line =
        |(ratio, case, peer)| format!("- {case}: {} of the calls of {peer}\n", figure(ratio));
    lost.into_iter().map(line).collect()
}
