//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::peers::Peer;

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
    /// Measures peers side by side: short runs that take turns, medians and ratios.
    ///
    /// Each run is a process of its own. The ratio is that of the medians, of quorum to the peer.
    Compare(Compare),
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
pub(crate) struct Compare {
    /// How many servers, in one process with the client.
    #[arg(long, value_name = "COUNT,...", value_delimiter = ',', default_value = "3", value_parser = count(100))]
    pub(crate) nodes: Vec<usize>,

    /// Bytes of each request.
    #[arg(long, value_name = "BYTES,...", value_delimiter = ',', default_value = "0", value_parser = payload())]
    pub(crate) payload: Vec<usize>,

    /// How many callers, each with one call at a time.
    #[arg(long, value_name = "COUNT,...", value_delimiter = ',', default_value = "1,16,64", value_parser = count(8_192))]
    pub(crate) callers: Vec<usize>,

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

/// A number from 1.
fn count(max: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| number(text, 1, max)
}

/// A payload that a message of every peer has room for.
fn payload() -> impl Fn(&str) -> Result<usize, String> + Clone {
    |text| number(text, 0, MAX_PAYLOAD)
}

/// The largest payload that can be asked for.
pub(crate) const MAX_PAYLOAD: usize = 64 * 1024 * 1024;

fn number(text: &str, min: usize, max: usize) -> Result<usize, String> {
    let number = text.trim().parse().map_err(|_| format!("it is no number from {min} to {max}"))?;
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    Err(format!("it must be from {min} to {max}"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    match seconds_or_none(text)? {
        Duration::ZERO => Err("nothing can be measured in no time".to_owned()),
        time => Ok(time),
    }
}

fn seconds_or_none(text: &str) -> Result<Duration, String> {
    let number: f64 = text.trim().parse().map_err(|_| "it is no number of seconds".to_owned())?;
    if !(0.0..=86_400.0).contains(&number) {
        return Err("it must be from 0 to 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(number))
}
