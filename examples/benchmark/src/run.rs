//! `run`, `rpc`, `multicast` and `correctable`: one run, and its figures.

use std::time::Duration;

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::Outcome;
use crate::arguments::{self, Quorum};
use crate::benchmark::Block;
use crate::calls::{Approaches, Client, Spreads, StoresAt};
use crate::cluster::Cluster;
use crate::format::{bytes, counted, figure, known};
use crate::load::{Load, Span};
use crate::measurement::{Figures, Measurement};
use crate::output::{self, Lines};
use crate::peers::{self, Peer, TIMEOUT};

/// The calls of this library that are no quorum calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rpc,
    Multicast,
    Correctable,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::Multicast => "multicast",
            Self::Correctable => "correctable",
        }
    }
}

/// Measures quorum calls by a peer.
pub(crate) async fn run(arguments: &arguments::Run) -> Result<Outcome> {
    let arguments::Run { peer, quorum, load } = arguments;
    let report = Report::open(load)?;
    let (figures, nodes, is_complete) = if *peer == Peer::Gorums {
        ensure!(
            load.remotes.is_empty(),
            "gorums has its servers in its own process: leave out --remotes"
        );
        ensure!(
            *quorum == Quorum::Majority,
            "gorums is measured with majorities: leave out --quorum"
        );
        ensure!(
            load.calls.is_none() && load.threads.is_none(),
            "gorums is measured for some time on threads of its own: leave out --calls and --threads"
        );
        peer.prepare().await?;
        let measured = Peer::measure_gorums(load.nodes, load.payload, load.callers, load.seconds);
        (watched(load, measured).await?, load.nodes, true)
    } else {
        let cluster = load.cluster(*peer, *quorum).await?;
        let measured = peer.measure(&cluster, *quorum, load.block(), load.of_callers());
        let figures = watched(load, measured).await?;
        let (nodes, is_complete) = (cluster.addresses().len(), cluster.is_complete());
        cluster.stop().await;
        (figures, nodes, is_complete)
    };
    report.print(&peer.to_string(), "quorumcall", nodes, figures)?;
    Ok(Outcome::complete(is_complete))
}

/// Measures another type of calls.
pub(crate) async fn kind(kind: Kind, load: &arguments::Load) -> Result<Outcome> {
    let report = Report::open(load)?;
    // An rpc has no other node to go on with, and one-way messages are awaited at each.
    let needed = if kind == Kind::Correctable { Quorum::Majority } else { Quorum::All };
    let cluster = load.cluster(Peer::Quorum, needed).await?;
    let client = Client::connect(&cluster, Quorum::Majority, load.block(), TIMEOUT).await?;
    let callers = load.of_callers();
    let figures = match kind {
        Kind::Rpc => watched(load, peers::measure(StoresAt::new(client), callers)).await?,
        Kind::Multicast => watched(load, peers::measure(Spreads(client), callers)).await?,
        Kind::Correctable => watched(load, peers::measure(Approaches(client), callers)).await?,
    };
    let (nodes, is_complete) = (cluster.addresses().len(), cluster.is_complete());
    cluster.stop().await;
    report.print("quorum", kind.name(), nodes, figures)?;
    Ok(Outcome::complete(is_complete))
}

impl arguments::Load {
    /// What the callers do.
    pub(crate) const fn of_callers(&self) -> Load {
        let &Self { callers, warm_up, seconds, .. } = self;
        let span = match self.calls {
            Some(calls) => Span::Calls(calls),
            None => Span::Time { warm_up, seconds },
        };
        Load { callers, span }
    }

    fn block(&self) -> Block {
        Block { payload: vec![0; self.payload].into() }
    }

    async fn cluster(&self, peer: Peer, quorum: Quorum) -> Result<Cluster> {
        match &self.remotes[..] {
            [] => Cluster::start(peer, self.nodes).await,
            remotes => Cluster::elsewhere(remotes, quorum.of(remotes.len())).await,
        }
    }
}

/// Where the figures of one run go.
struct Report<'a> {
    load: &'a arguments::Load,
    lines: Option<Lines>,
}

impl<'a> Report<'a> {
    fn open(load: &'a arguments::Load) -> Result<Self> {
        Ok(Self { load, lines: load.json.as_deref().map(Lines::open).transpose()? })
    }

    fn print(self, peer: &str, call: &'static str, nodes: usize, figures: Figures) -> Result<()> {
        let arguments::Load { payload, callers, .. } = *self.load;
        let peer = peer.to_owned();
        let run =
            Measurement { peer, call, nodes, payload, callers, figures, repeat: None, phase: None };
        let is_alone = self.lines.as_ref().is_some_and(Lines::is_stdout);
        if let Some(mut lines) = self.lines {
            lines.write(&run)?;
        }
        if !is_alone {
            print(&run)?;
        }
        Ok(())
    }
}

fn print(run: &Measurement) -> Result<()> {
    let Measurement { peer, call, nodes, payload, callers, figures, .. } = run;
    let Figures { ops_per_s, p50_us, p99_us, cpu_us_per_op, rss_mib, .. } = figures;
    let (nodes, callers) = (counted(*nodes, "node"), counted(*callers, "caller"));
    output::print(format_args!(
        "{call} by {peer}: {nodes}, {} of payload, {callers}",
        bytes(*payload)
    ))?;
    output::print(format_args!("{:>12}  calls per second", figure(*ops_per_s)))?;
    output::print(format_args!("{:>12}  µs, the median call", figure(*p50_us)))?;
    output::print(format_args!("{:>12}  µs, the call that 99 % are faster than", figure(*p99_us)))?;
    output::print(format_args!("{:>12}  µs of processor time per call", known(*cpu_us_per_op)))?;
    if figures.allocs_per_op.is_some() {
        output::print(format_args!("{:>12}  allocations per call", known(figures.allocs_per_op)))?;
        output::print(format_args!(
            "{:>12}  bytes allocated per call",
            known(figures.alloc_bytes_per_op)
        ))?;
    }
    output::print(format_args!("{:>12}  MiB in memory", known(*rss_mib)))
}

/// Shows how much of the time has passed, on a terminal. Nothing disturbs calls that are counted.
async fn watched<T>(
    load: &arguments::Load,
    measured: impl Future<Output = Result<T>>,
) -> Result<T> {
    if load.calls.is_some() {
        return measured.await;
    }
    let time = load.warm_up + load.seconds;
    let bar = bar(time);
    let showing = async {
        let begun = Instant::now();
        let mut ticks = interval(Duration::from_millis(100));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            bar.set_position(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
        }
    };
    tokio::select! {
        biased;
        measured = measured => {
            bar.finish_and_clear();
            measured
        }
        () = showing => unreachable!("it shows for ever"),
    }
}

/// A bar of milliseconds. It shows itself on a terminal only.
fn bar(time: Duration) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(format!("measuring for {time:?}"));
    bar
}
