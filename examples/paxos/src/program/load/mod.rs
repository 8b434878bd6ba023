//! A load: clients that make one request after another, and what it costs.

mod clients;
mod etcd;
mod figures;
mod paxos;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};
use tokio::runtime::Runtime;

use super::connect::Connect;
use super::folder::Folder;
use super::tls;
use figures::Figures;

pub(crate) use clients::{Keys, histogram, saturating_nanoseconds};
pub(crate) use figures::milliseconds;
pub(crate) use paxos::{Target, leader, start as start_nodes};

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Load {
    #[command(flatten)]
    connect: Connect,

    /// How many nodes to start, each a process of its own, where none are named to connect to.
    #[arg(long, value_name = "COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    nodes: u32,

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

    /// A folder for the data, on the disk that is to be measured. Without it the data is in the folder
    /// for temporary files, and gone in the end.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,

    #[command(flatten)]
    settings: NodeSettings,
}

/// Those of the nodes that are started. The name of the cluster is that of the connection.
#[derive(Args, Clone, Debug)]
pub(crate) struct NodeSettings {
    /// What `serve` is given besides: --set lease-ms=500 --set window=8.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
}

impl NodeSettings {
    /// As arguments of `serve`.
    pub(crate) fn arguments(&self, connect: &Connect) -> Result<Vec<String>> {
        let mut arguments = vec!["--cluster".to_owned(), connect.cluster.clone()];
        arguments.extend(tls::arguments(&connect.tls));
        for set in &self.set {
            let (name, value) = set.split_once('=').with_context(|| {
                format!("`{set}` sets nothing: write a flag of `paxos serve` and its value, as --set window=8")
            })?;
            arguments.extend([format!("--{name}"), value.to_owned()]);
        }
        Ok(arguments)
    }
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
            self.connect.connect.is_empty() || self.peer == [Peer::Paxos],
            "nodes that run already are those of this program: say --connect without --peer"
        );
        println!("{}", figures::HEAD);
        let mut runs = Vec::new();
        for repeat in 1..=self.repeats {
            for &peer in &self.peer {
                let figures = Runtime::new()?.block_on(self.measure(peer, repeat))?;
                println!("{}", figures.row(peer.name()));
                runs.push((peer, figures));
            }
        }
        if self.repeats > 1 {
            self.print_medians(&runs);
        }
        Ok(())
    }

    async fn measure(&self, peer: Peer, repeat: u32) -> Result<Figures> {
        let data = self.data.as_ref().map(|data| data.join(format!("{}-{repeat}", peer.name())));
        if let Some(used) = data.as_deref().filter(|folder| folder.exists()) {
            bail!("{} is there already: remove it, or name another folder", used.display());
        }
        let folder = Folder::new(data)?;
        match peer {
            Peer::Paxos if self.connect.connect.is_empty() => {
                let arguments = self.settings.arguments(&self.connect)?;
                let target =
                    start_nodes(self.nodes, folder.path(), arguments, &self.connect).await?;
                clients::measure(&target, self).await
            }
            Peer::Paxos => clients::measure(&paxos::connect(&self.connect).await?, self).await,
            Peer::Etcd => {
                clients::measure(&etcd::start(self.nodes, folder.path()).await?, self).await
            }
        }
    }

    fn print_medians(&self, runs: &[(Peer, Figures)]) {
        let of = |peer| {
            let runs = runs.iter().filter(move |(of, _)| *of == peer).map(|(_, figures)| figures);
            Figures::median(runs)
        };
        println!();
        for &peer in &self.peer {
            println!("{}", of(peer).row(&format!("{}, median", peer.name())));
        }
        if let [one, other] = *self.peer {
            let [rate, rate_of_other] = [one, other].map(|peer| of(peer).rate());
            let (one, other) = (one.name(), other.name());
            println!(
                "{one} does {:.2} times as many operations a second as {other}",
                rate / rate_of_other
            );
        }
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
