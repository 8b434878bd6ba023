//! The nodes of this program under load.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use quorum_runtime::Manager;
use tokio::time::{Instant, sleep};

use super::clients::{self, Counters};
use crate::client::Client;
use crate::program::connect::Connect;
use crate::program::machine;
use crate::program::processes::Processes;

/// Nodes, and connections to them that all clients share.
pub(crate) struct Target {
    connect: Connect,
    pub(crate) addresses: Vec<String>,
    pub(crate) manager: Manager,
    /// Where they were started for this.
    pub(crate) processes: Option<Processes>,
}

/// Starts nodes, and waits until one leads.
pub(crate) async fn start(
    nodes: u32,
    folder: &Path,
    arguments: Vec<String>,
    connect: &Connect,
) -> Result<Target> {
    let processes = Processes::start(nodes, folder, arguments)?;
    reached(connect, processes.addresses().to_vec(), Some(processes)).await
}

pub(super) async fn connect(connect: &Connect) -> Result<Target> {
    reached(connect, connect.connect.clone(), None).await
}

async fn reached(
    connect: &Connect,
    addresses: Vec<String>,
    processes: Option<Processes>,
) -> Result<Target> {
    let (connect, manager) = (connect.clone(), connect.manager(&addresses)?);
    let target = Target { connect, addresses, manager, processes };
    leader(&target.client()?).await?;
    Ok(target)
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

impl Target {
    pub(crate) fn client(&self) -> Result<Client> {
        self.connect.client(&self.manager)
    }
}

impl clients::Target for Target {
    type Worker = Client;

    fn worker(&self) -> Result<Client> {
        self.client()
    }

    async fn counters(&self) -> Result<Counters> {
        let all = self.client()?.status().await;
        let told: Vec<_> = all.into_iter().filter_map(|(_, told)| told.ok()).collect();
        let processes = self.processes.as_ref().map(Processes::running);
        let written =
            processes.and_then(|all| all.iter().map(|(_, pid)| machine::bytes_written(*pid)).sum());
        Ok(Counters {
            syncs: Some(told.iter().map(|told| told.syncs).sum()),
            bytes_logged: Some(told.iter().map(|told| told.bytes_logged).sum()),
            bytes_written: written,
        })
    }
}

impl clients::Worker for Client {
    async fn put(&mut self, key: &str, value: &str) -> Result<()> {
        Self::put(self, key, value).await?;
        Ok(())
    }

    async fn get(&mut self, key: &str) -> Result<()> {
        Self::get(self, key).await?;
        Ok(())
    }
}
