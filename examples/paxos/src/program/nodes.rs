//! Nodes that are started to be measured or killed, each a process of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use quorum_runtime::Manager;
use tokio::time::{Instant, sleep};

use super::connect::Connect;
use super::folder::Folder;
use super::processes::Processes;
use super::tls;
use crate::client::Client;

#[derive(Args, Clone, Debug)]
pub(crate) struct Nodes {
    /// How many nodes to start, each a process of its own.
    #[arg(long = "nodes", value_name = "COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) count: u32,

    /// A folder for the data. Without it the data is in the folder for temporary files, and gone in the end
    /// if nothing is wrong.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,

    /// What `serve` is given besides: --set lease-ms=500 --set window=8.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,

    #[command(flatten)]
    pub(crate) connect: Connect,
}

impl Nodes {
    pub(crate) fn folder(&self) -> Result<Folder> {
        Folder::new(self.data.clone())
    }

    /// Starts them, with these arguments of `serve` unless others were given, and waits until one leads.
    pub(crate) async fn start(&self, folder: &Path, defaults: &[&str]) -> Result<Target> {
        let mut arguments: Vec<_> = defaults.iter().map(ToString::to_string).collect();
        arguments.extend(self.arguments()?);
        let processes = Processes::start(self.count, folder, arguments)?;
        Target::reach(&self.connect, processes.addresses().to_vec(), Some(processes)).await
    }

    /// What `serve` is given. The name of the cluster is that of the connection.
    fn arguments(&self) -> Result<Vec<String>> {
        let mut arguments = vec!["--cluster".to_owned(), self.connect.cluster.clone()];
        arguments.extend(tls::arguments(&self.connect.tls));
        for set in &self.set {
            let (name, value) = set.split_once('=').with_context(|| {
                format!("`{set}` sets nothing: write a flag of `paxos serve` and its value, as --set window=8")
            })?;
            arguments.extend([format!("--{name}"), value.to_owned()]);
        }
        Ok(arguments)
    }
}

/// Nodes, and connections to them that all clients share.
pub(crate) struct Target {
    connect: Connect,
    addresses: Vec<String>,
    pub(crate) manager: Manager,
    /// Where they were started for this.
    pub(crate) processes: Option<Processes>,
}

impl Target {
    /// Connects to the nodes of these addresses, and waits until one leads.
    pub(crate) async fn reach(
        connect: &Connect,
        addresses: Vec<String>,
        processes: Option<Processes>,
    ) -> Result<Self> {
        let (connect, manager) = (connect.clone(), connect.manager(&addresses)?);
        let target = Self { connect, addresses, manager, processes };
        leader(&target.client()?).await?;
        Ok(target)
    }

    /// Those that were started.
    pub(crate) fn processes(&mut self) -> Result<&mut Processes> {
        self.processes.as_mut().context("no node was started")
    }

    pub(crate) fn client(&self) -> Result<Client> {
        self.connect.client(&self.manager)
    }

    /// Over connections of its own.
    pub(crate) fn other_client(&self) -> Result<Client> {
        self.connect.client(&self.connect.manager(&self.addresses)?)
    }
}

const ELECTION: Duration = Duration::from_secs(30);

/// The node that leads, as soon as one does.
pub(crate) async fn leader(client: &Client) -> Result<u32> {
    let begun = Instant::now();
    while begun.elapsed() < ELECTION {
        let all = client.status().await;
        let mut told = all.into_iter().filter_map(|(_, told)| told.ok());
        if let Some(leader) = told.find(|told| told.leader == told.node && told.leased) {
            return Ok(leader.node);
        }
        sleep(Duration::from_millis(50)).await;
    }
    bail!("no node leads after {ELECTION:?}: see with `status` at a prompt which nodes are up")
}
