//! The call types of this library as work for callers.

use std::time::Duration;

use anyhow::{Result, ensure};
use quorum_runtime::{All, Configuration, Manager, Node, Threshold};

use crate::arguments::Quorum;
use crate::benchmark::{
    BenchmarkConfiguration as _, BenchmarkManager as _, BenchmarkNode as _, Block,
};
use crate::cluster::Cluster;
use crate::load::Work;

/// A client of all nodes, with the block that its callers send.
#[derive(Debug)]
pub(crate) struct Client {
    manager: Manager,
    benchmark: Configuration<Quorum>,
    block: Block,
}

impl Client {
    /// Connects to every node that answers. A call may take so long.
    pub(crate) async fn connect(
        cluster: &Cluster,
        quorum: Quorum,
        block: Block,
        timeout: Duration,
    ) -> Result<Self> {
        let manager = Manager::builder()
            .nodes(cluster.addresses())
            .timeout(timeout)
            // A message is the block and little else.
            .max_message_size(block.payload.len() + 4096)
            .queue_limits(16_384, QUEUED_BLOCKS.saturating_mul(block.payload.len()).max(64 << 20))
            .build()?;
        let answering = cluster.answering().count();
        if cluster.is_complete() {
            manager.ready(&All).await?;
        } else {
            manager.ready(&Threshold(answering)).await?;
        }
        let benchmark = manager.benchmark(quorum)?;
        Ok(Self { manager, benchmark, block })
    }

    pub(crate) async fn close(&self) {
        self.manager.close().await;
    }
}

/// How many large blocks may wait for a node that is behind the others.
const QUEUED_BLOCKS: usize = 256;

/// Quorum calls.
#[derive(Debug)]
pub(crate) struct Stores(pub(crate) Client);

impl Work for Stores {
    async fn call(&self, _: usize) -> Result<()> {
        self.0.benchmark.store(self.0.block.clone()).await?;
        Ok(())
    }
}

/// Calls to one node.
#[derive(Debug)]
pub(crate) struct StoresAt {
    client: Client,
    nodes: Vec<Node>,
}

impl StoresAt {
    pub(crate) fn new(client: Client) -> Self {
        Self { nodes: client.manager.nodes(), client }
    }
}

impl Work for StoresAt {
    async fn call(&self, caller: usize) -> Result<()> {
        let node = &self.nodes[caller % self.nodes.len()];
        node.store_at(self.client.block.clone()).await?;
        Ok(())
    }
}

/// One-way messages.
#[derive(Debug)]
pub(crate) struct Spreads(pub(crate) Client);

impl Work for Spreads {
    async fn call(&self, _: usize) -> Result<()> {
        self.0.benchmark.spread(self.0.block.clone()).await?;
        Ok(())
    }
}

/// Correctable calls.
#[derive(Debug)]
pub(crate) struct Approaches(pub(crate) Client);

impl Work for Approaches {
    async fn call(&self, _: usize) -> Result<()> {
        let mut levels = self.0.benchmark.approach(self.0.block.clone());
        let mut last = None;
        while let Some(level) = levels.next().await {
            last = Some(level?);
        }
        ensure!(
            last.is_some_and(|level| level.is_last),
            "a correctable call ended before its last level"
        );
        Ok(())
    }
}
