//! What a node is told: by flags, by a file, and by defaults that serve on one machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use super::tls;
use crate::config::{Agreement, CHUNK_KEYS, Config};
use crate::mutant::Mutation;

/// The cluster that is meant where none is named.
pub(crate) const CLUSTER: &str = "paxos";

/// The settings that all nodes share, as flags and as the keys of a file.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// The name of the cluster. Nodes and clients of others are refused.
    #[arg(long, value_name = "NAME")]
    #[serde(rename = "name")]
    pub(crate) cluster: Option<String>,

    /// How many nodes have to promise before a leader leads. Together with the accept quorum more than
    /// there are nodes; by default more than half.
    #[arg(long, value_name = "NODES")]
    pub(crate) prepare_quorum: Option<usize>,

    /// How many nodes have to accept before a command is executed.
    #[arg(long, value_name = "NODES")]
    pub(crate) accept_quorum: Option<usize>,

    /// For how long a leader may answer reads alone. A cluster waits as long for a new leader.
    #[arg(long, value_name = "MILLISECONDS")]
    pub(crate) lease_ms: Option<u64>,

    /// By how much clocks may run too fast or too slow: 0.01 is one in a hundred.
    #[arg(long, value_name = "FRACTION")]
    pub(crate) drift: Option<f64>,

    /// How many batches a leader proposes before the first of them is chosen.
    #[arg(long, value_name = "SLOTS")]
    pub(crate) window: Option<usize>,

    /// How many bytes of commands make a full batch.
    #[arg(long, value_name = "BYTES")]
    pub(crate) batch_bytes: Option<usize>,

    /// How many executed slots of the log are kept for nodes that lag.
    #[arg(long, value_name = "SLOTS")]
    pub(crate) keep: Option<u64>,

    /// How many more there are when the log is trimmed. 0: when `trim` is said at the prompt.
    #[arg(long, value_name = "SLOTS")]
    pub(crate) trim_every: Option<u64>,
}

/// What is one node's own.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Own {
    /// The number of this node: its place among the peers, from 1.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) id: Option<u32>,

    /// The addresses of all nodes, in the same order everywhere [default: 127.0.0.1:7101 to 7103].
    #[arg(long, value_name = "HOST:PORT,...", value_delimiter = ',')]
    pub(crate) peers: Vec<String>,

    /// The folder of its data [default: paxos-ID].
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,

    /// The address to listen on [default: its own among the peers].
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
}

/// A file of settings. What one node says of itself alone may be left to its flags.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) node: Own,
    pub(crate) cluster: Settings,
    pub(crate) tls: tls::File,
}

impl File {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let shown = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
        toml::from_str(&text).with_context(|| format!("{shown} is no file of settings"))
    }
}

impl Settings {
    /// What is given here, and else what is given there.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            cluster: self.cluster.or(other.cluster),
            prepare_quorum: self.prepare_quorum.or(other.prepare_quorum),
            accept_quorum: self.accept_quorum.or(other.accept_quorum),
            lease_ms: self.lease_ms.or(other.lease_ms),
            drift: self.drift.or(other.drift),
            window: self.window.or(other.window),
            batch_bytes: self.batch_bytes.or(other.batch_bytes),
            keep: self.keep.or(other.keep),
            trim_every: self.trim_every.or(other.trim_every),
        }
    }

    /// The settings of one node, or what is wrong with them.
    pub(crate) fn config(&self, own: Own, new: bool) -> Result<Config> {
        let Some(id) = own.id else {
            bail!("which node is this? say --id 1, its place among the peers")
        };
        let peers = own.peers();
        let nodes = peers.len();
        ensure!(
            nodes <= MAX_NODES,
            "{nodes} peers are too many: at most {MAX_NODES} can be served"
        );
        ensure!(
            (1..=nodes).contains(&(id as usize)),
            "there is no node {id} among {nodes} peers: say an --id from 1 to {nodes}"
        );
        Ok(Config {
            agreement: self.agreement(nodes)?,
            id,
            peers,
            folder: own.data.unwrap_or_else(|| format!("paxos-{id}").into()),
            new,
            window: within("window", self.window.unwrap_or(WINDOW), 1, 10_000)?,
            batch_bytes: within(
                "batch-bytes",
                self.batch_bytes.unwrap_or(BATCH_BYTES),
                1,
                1 << 20,
            )?,
            keep: self.keep.unwrap_or(KEEP),
            trim_every: self.trim_every.unwrap_or(TRIM_EVERY),
            chunk_keys: CHUNK_KEYS,
            seed: fastrand::u64(..),
            clock_rate: 1.0,
            mutation: Mutation::default(),
        })
    }

    fn agreement(&self, nodes: usize) -> Result<Agreement> {
        let cluster = self.cluster.clone().unwrap_or_else(|| CLUSTER.to_owned());
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        ensure!(
            !cluster.is_empty() && cluster.len() <= 100 && cluster.chars().all(is_name),
            "`{cluster}` is no name of a cluster: write letters, digits, and any of - _ ."
        );
        let (prepare_quorum, accept_quorum) = self.quorums(nodes)?;
        let lease = within("lease-ms", self.lease_ms.unwrap_or(LEASE_MS), 50, 600_000)?;
        let drift = self.drift.unwrap_or(DRIFT);
        ensure!(
            (0.0..0.5).contains(&drift),
            "clocks with a --drift of {drift} can hold no lease: write a fraction below 0.5, such as 0.01"
        );
        let lease = Duration::from_millis(lease);
        Ok(Agreement { cluster, nodes, prepare_quorum, accept_quorum, lease, drift })
    }

    /// Two that share a node: those that are given, or what fits the one that is.
    fn quorums(&self, nodes: usize) -> Result<(usize, usize)> {
        for (name, given) in [("prepare", self.prepare_quorum), ("accept", self.accept_quorum)] {
            within(&format!("{name}-quorum"), given.unwrap_or(1), 1, nodes)?;
        }
        let rest = |quorum: usize| nodes + 1 - quorum;
        let majority = nodes / 2 + 1;
        let (prepare, accept) = match (self.prepare_quorum, self.accept_quorum) {
            (None, None) => (majority, majority),
            (Some(prepare), None) => (prepare, rest(prepare)),
            (None, Some(accept)) => (rest(accept), accept),
            (Some(prepare), Some(accept)) => (prepare, accept),
        };
        ensure!(
            prepare + accept > nodes,
            "a --prepare-quorum of {prepare} and an --accept-quorum of {accept} among {nodes} nodes need \
             not share a node, so what was chosen could be lost: make them {} together",
            nodes + 1
        );
        Ok((prepare, accept))
    }
}

impl Own {
    /// What is given here, and else what is given there.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            id: self.id.or(other.id),
            peers: if self.peers.is_empty() { other.peers } else { self.peers },
            data: self.data.or(other.data),
            listen: self.listen.or(other.listen),
        }
    }

    pub(crate) fn peers(&self) -> Vec<String> {
        if self.peers.is_empty() {
            return (7101..=7103).map(|port| format!("127.0.0.1:{port}")).collect();
        }
        self.peers.clone()
    }
}

/// A list of more is a mistake.
const MAX_NODES: usize = 100;
const LEASE_MS: u64 = 2_000;
const DRIFT: f64 = 0.01;
const WINDOW: usize = 16;
const BATCH_BYTES: usize = 256 << 10;
const KEEP: u64 = 10_000;
const TRIM_EVERY: u64 = 10_000;

fn within<N: PartialOrd + std::fmt::Display>(name: &str, value: N, least: N, most: N) -> Result<N> {
    ensure!(
        value >= least && value <= most,
        "--{name} is {value}: write a number from {least} to {most}"
    );
    Ok(value)
}

#[cfg(test)]
mod tests;
