//! Servers inside this process.

use std::path::Path;

use anyhow::Context as _;
use example_support::folder::{Lock, lock};
use example_support::identity::Identity;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::mutant::Mutation;
use crate::node::{self, Node};
use crate::signature::Authority;
use crate::storage::StorageServer;

/// The name of a cluster that nobody has named.
pub(crate) const CLUSTER: &str = "storage";

/// Servers on free ports of the loopback interface, each with a store of its own.
#[derive(Debug)]
pub(crate) struct Cluster {
    addresses: Vec<String>,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
    /// Given up after the servers have ended.
    locks: Vec<Lock>,
}

impl Cluster {
    /// So many servers, with their stores in a folder, under their numbers, or in memory.
    pub(crate) async fn start(
        nodes: u32,
        folder: Option<&Path>,
        authority: Option<&Authority>,
    ) -> anyhow::Result<Self> {
        let stop = watch::Sender::new(false);
        let (addresses, servers, locks) = (Vec::new(), JoinSet::new(), Vec::new());
        let mut cluster = Self { addresses, stop, servers, locks };
        for number in 0..nodes {
            let folder = folder.map(|folder| folder.join(number.to_string()));
            cluster.locks.extend(folder.as_deref().map(lock).transpose()?);
            let node = Node {
                identity: Identity::new(CLUSTER, number),
                authority: authority.cloned(),
                mutation: Mutation::default(),
            };
            let store = node.open(folder.as_deref()).await?;
            let server = node.server(StorageServer::new(store.clone()));
            let listener = TcpListener::bind("127.0.0.1:0").await;
            let listener = listener.context("cannot listen on the loopback interface")?;
            cluster.addresses.push(listener.local_addr()?.to_string());
            let mut stopped = cluster.stop.subscribe();
            let signal = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            cluster.servers.spawn(async move {
                if let Err(error) = node::serve(server, listener, store, signal).await {
                    eprintln!("server {number}: {error:#}");
                }
            });
        }
        Ok(cluster)
    }

    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.servers.join_next().await.is_some() {}
    }
}
