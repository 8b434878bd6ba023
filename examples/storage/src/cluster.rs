//! Servers inside this process.

use anyhow::Context as _;
use quorum_runtime::Server;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::storage::StorageServer;
use crate::store::Store;

/// Servers on free ports of the loopback interface, each with a store of its own.
#[derive(Debug)]
pub(crate) struct Cluster {
    addresses: Vec<String>,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
}

impl Cluster {
    pub(crate) async fn start(nodes: u32) -> anyhow::Result<Self> {
        let stop = watch::Sender::new(false);
        let mut cluster = Self { addresses: Vec::new(), stop, servers: JoinSet::new() };
        for _ in 0..nodes {
            let listener = TcpListener::bind("127.0.0.1:0").await;
            let listener = listener.context("cannot listen on the loopback interface")?;
            cluster.addresses.push(listener.local_addr()?.to_string());
            let mut stopped = cluster.stop.subscribe();
            let signal = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            let server = Server::builder().service(StorageServer::new(Store::default()));
            cluster.servers.spawn(async {
                if let Err(error) = server.serve_with_listener(listener, signal).await {
                    eprintln!("a server stopped: {error}");
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
