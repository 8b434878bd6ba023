//! This library.

use anyhow::Result;
use quorum_runtime::Server;
use tokio::net::TcpListener;

use super::{ENVELOPE, TIMEOUT};
use crate::arguments::Quorum;
use crate::benchmark::{BenchmarkServer, Block};
use crate::calls::{Client, Stores};
use crate::cluster::Cluster;
use crate::load::Load;
use crate::measurement::Figures;
use crate::store::Store;
use crate::values::MAX_PAYLOAD;

pub(super) async fn serve(
    listener: TcpListener,
    signal: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let server = Server::builder().service(BenchmarkServer::new(Store));
    let server = server.max_message_size(MAX_PAYLOAD + ENVELOPE);
    Ok(server.serve_with_listener(listener, signal).await?)
}

pub(super) async fn measure(
    cluster: &Cluster,
    quorum: Quorum,
    block: Block,
    load: Load,
) -> Result<Figures> {
    let client = Client::connect(cluster, quorum, block, TIMEOUT).await?;
    super::measure(Stores(client), load).await
}
