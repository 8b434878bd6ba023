//! A fan-out over tonic's unary calls, as one writes it by hand: a request to each node, a majority of
//! the replies awaited, the rest awaited by a task.
//!
//! It has less to do than this library: no order, no deadline, no quorum function.

use anyhow::{Result, bail, ensure};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use super::{ENVELOPE, FRAME, WINDOW};
use crate::benchmark::unary::unary_client::UnaryClient;
use crate::benchmark::unary::unary_server::{Unary, UnaryServer};
use crate::benchmark::{Block, Stored};
use crate::cluster::Cluster;
use crate::load::Work;
use crate::store::Store;
use crate::values::MAX_PAYLOAD;

#[tonic::async_trait]
impl Unary for Store {
    async fn store(&self, _: Request<Block>) -> Result<Response<Stored>, Status> {
        Ok(Response::new(Stored {}))
    }
}

pub(super) async fn serve(
    listener: TcpListener,
    signal: impl Future<Output = ()> + Send,
) -> Result<()> {
    let service = UnaryServer::new(Store).max_decoding_message_size(MAX_PAYLOAD + ENVELOPE);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .add_service(service);
    Ok(server.serve_with_incoming_shutdown(incoming, signal).await?)
}

#[derive(Debug)]
pub(super) struct Client {
    nodes: Vec<UnaryClient<Channel>>,
    need: usize,
    block: Block,
}

impl Client {
    pub(super) async fn connect(cluster: &Cluster, need: usize, block: Block) -> Result<Self> {
        let mut nodes = Vec::new();
        for address in cluster.answering() {
            let endpoint = Endpoint::from_shared(format!("http://{address}"))?
                .tcp_nodelay(true)
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_frame_size(FRAME);
            nodes.push(UnaryClient::new(endpoint.connect().await?));
        }
        ensure!(nodes.len() >= need, "{need} nodes are needed");
        Ok(Self { nodes, need, block })
    }
}

impl Work for Client {
    async fn call(&self, _: usize) -> Result<()> {
        let mut calls: FuturesUnordered<_> =
            self.nodes.iter().map(|node| store(node.clone(), self.block.clone())).collect();
        let mut stored = 0;
        while stored < self.need {
            match calls.next().await {
                Some(Ok(_)) => stored += 1,
                Some(Err(error)) if calls.len() + stored < self.need => return Err(error.into()),
                Some(Err(_)) => {}
                None => bail!("no quorum answered"),
            }
        }
        if !calls.is_empty() {
            tokio::spawn(async move { while calls.next().await.is_some() {} });
        }
        Ok(())
    }
}

async fn store(mut node: UnaryClient<Channel>, block: Block) -> Result<Response<Stored>, Status> {
    node.store(block).await
}
