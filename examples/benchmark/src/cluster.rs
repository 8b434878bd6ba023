//! The servers: in this process, or elsewhere.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::peers::Peer;

/// How long a server elsewhere may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// Servers of one peer.
#[derive(Debug)]
pub(crate) struct Cluster {
    addresses: Vec<String>,
    silent: Vec<String>,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
}

impl Cluster {
    /// Starts servers on free ports of the loopback interface.
    pub(crate) async fn start(peer: Peer, nodes: usize) -> Result<Self> {
        let mut cluster = Self::of(Vec::new(), Vec::new());
        for _ in 0..nodes {
            let listener = TcpListener::bind("127.0.0.1:0").await;
            let listener = listener.context("cannot listen on the loopback interface")?;
            cluster.addresses.push(listener.local_addr()?.to_string());
            let mut stopped = cluster.stop.subscribe();
            let signal = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            cluster.servers.spawn(async move {
                if let Err(error) = peer.serve(listener, signal).await {
                    eprintln!("a server stopped: {error:#}");
                }
            });
        }
        Ok(cluster)
    }

    /// Finds out which of the servers elsewhere accept connections, and says which don't. Fails when
    /// those that do are fewer than needed.
    pub(crate) async fn elsewhere(addresses: &[String], needed: usize) -> Result<Self> {
        let silent = join_all(addresses.iter().map(|address| silence(address))).await;
        let silent: Vec<_> = silent.into_iter().flatten().collect();
        let answering = addresses.len() - silent.len();
        let said: Vec<_> =
            silent.iter().map(|(address, why)| format!("{address}: {why}")).collect();
        ensure!(
            answering >= needed,
            "{needed} of the remotes must answer, {answering} do: {}",
            said.join("; ")
        );
        for silent in &said {
            eprintln!(
                "this remote does not answer, and is measured as a node that is down: {silent}"
            );
        }
        let silent = silent.into_iter().map(|(address, _)| address).collect();
        Ok(Self::of(addresses.to_vec(), silent))
    }

    fn of(addresses: Vec<String>, silent: Vec<String>) -> Self {
        Self { addresses, silent, stop: watch::Sender::new(false), servers: JoinSet::new() }
    }

    /// `host:port` of every node.
    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Those that accept connections.
    pub(crate) fn answering(&self) -> impl Iterator<Item = &String> {
        self.addresses.iter().filter(|address| !self.silent.contains(address))
    }

    /// Whether every node accepts connections.
    pub(crate) fn is_complete(&self) -> bool {
        self.silent.is_empty()
    }

    /// Tells the servers in this process to stop, and waits until they have.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.servers.join_next().await.is_some() {}
    }
}

/// Why nothing accepts connections at this address, unless something does.
async fn silence(address: &str) -> Option<(String, String)> {
    let why = match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} seconds", PATIENCE.as_secs()),
    };
    Some((address.to_owned(), why))
}
