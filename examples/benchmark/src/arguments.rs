//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::peers::Peer;
use crate::values::{calls, count, payload, seconds, seconds_or_none};

/// Measures quorum calls, and the same work done in other ways.
///
/// Callers make one call after another: each sends a payload to all nodes and waits until a quorum has
/// acknowledged it. Servers and client share this process and its two or more threads, unless servers
/// elsewhere are named with --remotes.
///
/// Build it with --release, or the figures mean nothing.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  benchmark run --nodes 5 --callers 64          one run, its figures
  benchmark run --peer unary --callers 64       the same work by plain unary gRPC
  benchmark serve --listen 0.0.0.0:9001         a server, for run --remotes on another machine
  benchmark run --remotes a:9001,b:9001,c:9001
  benchmark compare --nodes 3 --payload 0,1024 --callers 1,16,64 \\
      --peers quorum,unary,tcp --repeats 5 --json runs.jsonl --chart chart.svg
  benchmark hang --seconds 10                   what one node that hangs costs the others
  benchmark count --callers 64                  instructions of one call

Exit code: 0 when all was measured, 2 when something could not be; standard error says what.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measures quorum calls once, by this library or by a peer.
    Run(Run),
    /// Measures calls to one node: each caller has its own, the nodes taken in turn.
    Rpc(Load),
    /// Measures one-way messages to all nodes, each awaited until every connection has taken it.
    Multicast(Load),
    /// Measures correctable calls, each read level by level to its last.
    Correctable(Load),
    /// Measures quorum calls before, while and after one node stops reading.
    Hang(Hang),
    /// Serves one node until it is stopped with Ctrl-C.
    Serve(Serve),
    /// Counts the instructions of one call, which a busy machine does not change. Needs valgrind.
    ///
    /// Client and servers run on one thread in valgrind, with two numbers of calls; the difference is
    /// that of the calls between. When it is built with --features allocations, it counts those too.
    Count(Count),
    /// Measures peers side by side: short runs that take turns, medians and ratios.
    ///
    /// Each run is a process of its own. The ratio is that of the medians, of quorum to the peer.
    Compare(Compare),
    /// Reads the lines that compare wrote, and prints their table in Markdown.
    Report(Report),
}

impl Command {
    /// How many threads were asked for.
    pub(crate) const fn threads(&self) -> Option<usize> {
        match self {
            Self::Run(Run { load, .. })
            | Self::Rpc(load)
            | Self::Multicast(load)
            | Self::Correctable(load) => load.threads,
            _ => None,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// Who does the work.
    #[arg(long, value_enum, default_value_t = Peer::Quorum)]
    pub(crate) peer: Peer,

    /// How many acknowledgements a call waits for.
    #[arg(long, value_enum, default_value_t = Quorum::Majority)]
    pub(crate) quorum: Quorum,

    #[command(flatten)]
    pub(crate) load: Load,
}

#[derive(Args, Debug)]
pub(crate) struct Load {
    /// How many servers to start in this process.
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = count(100))]
    pub(crate) nodes: usize,

    /// Servers that run already, instead of some in this process.
    #[arg(long, value_name = "HOST:PORT,...", value_delimiter = ',', conflicts_with = "nodes")]
    pub(crate) remotes: Vec<String>,

    /// Bytes of each request.
    #[arg(long, value_name = "BYTES", default_value_t = 0, value_parser = payload())]
    pub(crate) payload: usize,

    /// How many callers there are, each with one call at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = count(8_192))]
    pub(crate) callers: usize,

    /// How long to measure.
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    pub(crate) seconds: Duration,

    /// How long callers call before it is measured.
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = seconds_or_none)]
    pub(crate) warm_up: Duration,

    /// Measures so many calls, made by all callers together, however long they take: for profilers.
    #[arg(long, value_name = "COUNT", value_parser = calls, conflicts_with_all = ["seconds", "warm_up"])]
    pub(crate) calls: Option<u64>,

    /// How many threads do the work of client and servers; by default one for each processor.
    #[arg(long, value_name = "COUNT", value_parser = count(1024))]
    pub(crate) threads: Option<usize>,

    /// Writes the figures as a line of JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Hang {
    /// How many servers to start in this process. The last one hangs.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = count(100))]
    pub(crate) nodes: usize,

    /// Bytes of each request.
    #[arg(long, value_name = "BYTES", default_value_t = 0, value_parser = payload())]
    pub(crate) payload: usize,

    /// How many callers there are, each with one call at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = count(8_192))]
    pub(crate) callers: usize,

    /// How long to measure each of the three phases.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) seconds: Duration,

    /// How long callers call before the first phase.
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = seconds_or_none)]
    pub(crate) warm_up: Duration,

    /// Writes the figures as a line of JSON for each phase; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// The address to listen on; port 0 lets the system choose.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: String,

    /// Whose server it is.
    #[arg(long, value_enum, default_value_t = Peer::Quorum)]
    pub(crate) peer: Peer,
}

#[derive(Args, Debug)]
pub(crate) struct Count {
    #[command(flatten)]
    pub(crate) cases: Cases,

    /// Who does the work: quorum, unary or tcp.
    #[arg(long, value_name = "PEER,...", value_delimiter = ',', default_value = "quorum")]
    pub(crate) peers: Vec<String>,

    /// How many calls are counted; a quarter as many are made before.
    #[arg(long, value_name = "COUNT", default_value_t = 4000, value_parser = calls)]
    pub(crate) calls: u64,

    /// Writes each count as a line of JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Compare {
    #[command(flatten)]
    pub(crate) cases: Cases,

    /// Who does the work: quorum, this library; unary, a fan-out over tonic's unary calls; tcp, the same
    /// envelopes on bare TCP; gorums, the framework for Go, which needs Go.
    ///
    /// A peer that is unknown or can't be measured is named, and the others are measured.
    #[arg(
        long,
        value_name = "PEER,...",
        value_delimiter = ',',
        default_value = "quorum,unary,tcp"
    )]
    pub(crate) peers: Vec<String>,

    /// How many runs of each.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = count(1000))]
    pub(crate) repeats: usize,

    /// How long each run is measured.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) seconds: Duration,

    /// How long callers call before it is measured.
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = seconds_or_none)]
    pub(crate) warm_up: Duration,

    /// Writes every run as a line of JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Draws the medians as an SVG.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) chart: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Report {
    /// Files that were written with compare --json.
    #[arg(required = true)]
    pub(crate) runs: Vec<PathBuf>,

    /// Prints a list of the cases in which a peer makes more calls than quorum, and no table.
    #[arg(long)]
    pub(crate) lost: bool,

    /// Draws the medians as an SVG.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) chart: Option<PathBuf>,
}

/// Every combination of these is measured.
#[derive(Args, Debug)]
pub(crate) struct Cases {
    /// How many servers, in one process with the client.
    #[arg(long, value_name = "COUNT,...", value_delimiter = ',', default_value = "3", value_parser = count(100))]
    pub(crate) nodes: Vec<usize>,

    /// Bytes of each request.
    #[arg(long, value_name = "BYTES,...", value_delimiter = ',', default_value = "0", value_parser = payload())]
    pub(crate) payload: Vec<usize>,

    /// How many callers there are, each with one call at a time.
    #[arg(long, value_name = "COUNT,...", value_delimiter = ',', default_value = "1,16,64", value_parser = count(8_192))]
    pub(crate) callers: Vec<usize>,
}

/// How many acknowledgements make a quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Quorum {
    /// More than half of the nodes.
    Majority,
    /// Every node.
    All,
    /// One node.
    Any,
}

impl Quorum {
    /// How many of so many nodes.
    pub(crate) const fn of(self, nodes: usize) -> usize {
        match self {
            Self::Majority => nodes / 2 + 1,
            Self::All => nodes,
            Self::Any => 1,
        }
    }
}
