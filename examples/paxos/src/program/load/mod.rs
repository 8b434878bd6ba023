//! A load: clients that make one request after another, and what it costs.

mod clients;
mod etcd;
mod figures;
mod paxos;

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};
use example_support::output;
use tokio::runtime::Runtime;

use super::connect::Running;
use super::folder::Folder;
use super::nodes::{Nodes, Target};
use figures::Figures;

pub(crate) use clients::{Keys, histogram, saturating_nanoseconds};
pub(crate) use figures::milliseconds;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Load {
    #[command(flatten)]
    running: Running,

    #[command(flatten)]
    nodes: Nodes,

    /// How many clients there are, each with one request at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 64,
          value_parser = clap::value_parser!(u32).range(1..=4096))]
    clients: u32,

    /// How long to measure.
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    /// How long clients work before that.
    #[arg(long, value_name = "SECONDS", default_value_t = 2,
          value_parser = clap::value_parser!(u64).range(..=3600))]
    warm_up: u64,

    /// Bytes of each value.
    #[arg(long, value_name = "BYTES", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    value_bytes: u32,

    /// Among how many keys each request draws its own.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    keys: u64,

    /// How many of a hundred requests read. They are linearizable; the others write.
    #[arg(long, value_name = "PERCENT", default_value_t = 0,
          value_parser = clap::value_parser!(u8).range(..=100))]
    reads: u8,

    /// Who does the work. Several take turns.
    #[arg(
        long,
        value_enum,
        value_name = "PEER,...",
        value_delimiter = ',',
        default_value = "paxos"
    )]
    peer: Vec<Peer>,

    /// How many runs of each. Of several the medians are printed too.
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeats: u32,
}

const EXAMPLES: &str = "\
Examples:
  paxos load --nodes 3 --clients 64 --seconds 10
  paxos load --reads 90                          nine of ten requests read
  paxos load --peer paxos,etcd --repeats 3       the same work by etcd, in turns

Every write is answered when enough nodes have synced it to their disks, here and in etcd.
Build it with --release, or the figures mean nothing.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Peer {
    /// The nodes of this program.
    Paxos,
    /// Nodes of etcd, by its program `etcd` on the PATH.
    Etcd,
}

impl Load {
    pub(crate) fn run(self) -> Result<()> {
        ensure!(
            self.running.connect.is_empty() || self.peer == [Peer::Paxos],
            "nodes that run already are those of this program: say --connect without --peer"
        );
        output::line(figures::HEAD)?;
        let mut runs = Vec::new();
        for repeat in 1..=self.repeats {
            for &peer in &self.peer {
                let figures = Runtime::new()?.block_on(self.measure(peer, repeat))?;
                if !output::line(figures.row(peer.name()))? {
                    return Ok(());
                }
                runs.push((peer, figures));
            }
        }
        if self.repeats > 1 {
            self.print_medians(&runs)?;
        }
        Ok(())
    }

    async fn measure(&self, peer: Peer, repeat: u32) -> Result<Figures> {
        let data = self.nodes.data.as_ref();
        let data = data.map(|data| data.join(format!("{}-{repeat}", peer.name())));
        if let Some(used) = data.as_deref().filter(|folder| folder.exists()) {
            bail!("{} is there already: remove it, or name another folder", used.display());
        }
        let (nodes, running, folder) = (&self.nodes, &self.running.connect, Folder::new(data)?);
        match peer {
            Peer::Paxos if running.is_empty() => {
                clients::measure(&nodes.start(folder.path(), &[]).await?, self).await
            }
            Peer::Paxos => {
                let target = Target::reach(&nodes.connect, running.clone(), None).await?;
                clients::measure(&target, self).await
            }
            Peer::Etcd => {
                clients::measure(&etcd::start(nodes.count, folder.path()).await?, self).await
            }
        }
    }

    fn print_medians(&self, runs: &[(Peer, Figures)]) -> Result<()> {
        let of = |peer| {
            let runs = runs.iter().filter(move |(of, _)| *of == peer).map(|(_, figures)| figures);
            Figures::median(runs)
        };
        output::line("")?;
        for &peer in &self.peer {
            output::line(of(peer).row(&format!("{}, median", peer.name())))?;
        }
        if let [one, other] = *self.peer {
            let [rate, rate_of_other] = [one, other].map(|peer| of(peer).rate());
            let (one, other) = (one.name(), other.name());
            let times = rate / rate_of_other;
            output::line(format_args!(
                "{one} does {times:.2} times as many operations a second as {other}"
            ))?;
        }
        Ok(())
    }

    const fn span(&self) -> (Duration, Duration) {
        (Duration::from_secs(self.warm_up), Duration::from_secs(self.seconds))
    }

    fn keys(&self) -> Keys {
        Keys { keys: self.keys, value_bytes: self.value_bytes as usize }
    }
}

impl Peer {
    const fn name(self) -> &'static str {
        match self {
            Self::Paxos => "paxos",
            Self::Etcd => "etcd",
        }
    }
}
