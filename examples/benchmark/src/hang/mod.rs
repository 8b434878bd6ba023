//! `hang`: quorum calls before, while and after one node stops reading.

mod proxy;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::Outcome;
use crate::arguments::{self, Quorum};
use crate::benchmark::Block;
use crate::calls::{Client, Stores};
use crate::cluster::Cluster;
use crate::format::{bytes, counted, figure, known};
use crate::load::{Load, Span, Work as _};
use crate::measurement::{Figures, Measurement};
use crate::output::{self, Lines};
use crate::peers::{Peer, TIMEOUT};
use crate::table::table;
use proxy::Proxy;

const PHASES: [&str; 3] = ["before", "during", "after"];

pub(crate) async fn hang(arguments: &arguments::Hang) -> Result<Outcome> {
    let mut lines = arguments.json.as_deref().map(Lines::open).transpose()?;
    let runs = measure(arguments).await?;
    let is_alone = lines.as_ref().is_some_and(Lines::is_stdout);
    for run in &runs {
        if let Some(lines) = &mut lines {
            lines.write(run)?;
        }
    }
    if !is_alone {
        print(&runs)?;
    }
    Ok(Outcome::Complete)
}

/// A run for each phase, of the same callers on the same connections.
async fn measure(arguments: &arguments::Hang) -> Result<Vec<Measurement>> {
    let &arguments::Hang { nodes, payload, callers, seconds, mut warm_up, .. } = arguments;
    let cluster = Cluster::start(Peer::Quorum, nodes).await?;
    let (last, others) =
        cluster.addresses().split_last().map_or((None, &[][..]), |(l, o)| (Some(l), o));
    let proxy = Proxy::start(last.map_or("", String::as_str)).await?;
    let through: Vec<_> = others.iter().cloned().chain([proxy.address().to_owned()]).collect();
    let through = Cluster::elsewhere(&through, nodes).await?;
    let block = Block { payload: vec![0; payload].into() };
    let client = Client::connect(&through, Quorum::Majority, block, TIMEOUT).await?;
    let work = Arc::new(Stores(client));
    work.call(0).await?;

    let bar = ProgressBar::new(PHASES.len() as u64);
    let style = ProgressStyle::with_template("{bar:40} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut runs = Vec::new();
    for phase in PHASES {
        bar.set_message(format!("{phase} the hang"));
        bar.tick();
        proxy.hang(phase == "during");
        let span = Span::Time { warm_up, seconds };
        let figures = Load { callers, span }.put_on(&work).await?;
        // The phases follow each other without a pause.
        warm_up = Duration::ZERO;
        let (peer, call) = (Peer::Quorum.to_string(), "quorumcall");
        runs.push(Measurement {
            peer,
            call,
            nodes,
            payload,
            callers,
            figures,
            repeat: None,
            phase: Some(phase),
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    work.0.close().await;
    drop(proxy);
    cluster.stop().await;
    Ok(runs)
}

fn print(runs: &[Measurement]) -> Result<()> {
    let [before, during, after] = runs else {
        return Ok(());
    };
    let nodes = counted(before.nodes, "node");
    let (payload, callers) = (bytes(before.payload), counted(before.callers, "caller"));
    output::print(format_args!("one of {nodes} stops reading; {payload} of payload, {callers}"))?;
    let head = ["", "calls/s", "of before", "p50 µs", "p99 µs", "CPU µs/call", "MiB in memory"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for run in [before, during, after] {
        let Figures { ops_per_s, p50_us, p99_us, cpu_us_per_op, rss_mib, .. } = run.figures;
        let share = ops_per_s / before.figures.ops_per_s;
        let phase = run.phase.unwrap_or_default().to_owned();
        let (p50, p99) = (figure(p50_us), figure(p99_us));
        rows.push(vec![
            phase,
            figure(ops_per_s),
            figure(share),
            p50,
            p99,
            known(cpu_us_per_op),
            known(rss_mib),
        ]);
    }
    output::print(table(1, &rows).trim_end())?;
    let grown =
        during.figures.rss_mib.zip(before.figures.rss_mib).map(|(during, before)| during - before);
    output::print(format_args!("memory grew by {} MiB while it hung", known(grown)))
}
