//! Who does the work: the same for all. A block goes to every node, each node acknowledges it, the call
//! is done when a quorum has, and the rest finishes behind it.

mod gorums;
mod quorum;
mod tcp;
mod unary;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use tokio::net::TcpListener;

use crate::arguments::Quorum;
use crate::benchmark::Block;
use crate::cluster::Cluster;
use crate::load::{Load, Work};
use crate::measurement::Figures;

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// This library.
    Quorum,
    /// A fan-out over tonic's unary calls, as one writes it by hand.
    Unary,
    /// The same envelopes on bare TCP.
    Tcp,
    /// The framework for Go; it needs Go, and servers and client in its own process.
    Gorums,
}

/// HTTP/2 windows and frames of the peers that have them, in bytes. Ours are these.
const WINDOW: u32 = 4 * 1024 * 1024;
const FRAME: u32 = 1024 * 1024;

/// How long any call may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Room in a message beside its payload, in bytes.
const ENVELOPE: usize = 4096;

impl Peer {
    /// Serves one node until the signal.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        signal: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        match self {
            Self::Quorum => quorum::serve(listener, signal).await,
            Self::Unary => unary::serve(listener, signal).await,
            Self::Tcp => tcp::serve(listener, signal).await,
            Self::Gorums => bail!("gorums serves in a process of its own: see the README"),
        }
    }

    /// Measures quorum calls to these servers, once each of them is connected.
    pub(crate) async fn measure(
        self,
        cluster: &Cluster,
        quorum: Quorum,
        block: Block,
        load: Load,
    ) -> Result<Figures> {
        let need = quorum.of(cluster.addresses().len());
        match self {
            Self::Quorum => quorum::measure(cluster, quorum, block, load).await,
            Self::Unary => measure(unary::Client::connect(cluster, need, block).await?, load).await,
            Self::Tcp => measure(tcp::Client::connect(cluster, need, block).await?, load).await,
            Self::Gorums => bail!("gorums has servers of its own"),
        }
    }

    /// Whether it can be measured on this machine. If not, says why.
    pub(crate) async fn prepare(self) -> Result<()> {
        match self {
            Self::Gorums => gorums::prepare().await,
            _ => Ok(()),
        }
    }

    /// Measures the peer that is no Rust.
    pub(crate) async fn measure_gorums(
        nodes: usize,
        payload: usize,
        callers: usize,
        seconds: Duration,
    ) -> Result<Figures> {
        gorums::measure(nodes, payload, callers, seconds).await
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quorum => "quorum",
            Self::Unary => "unary",
            Self::Tcp => "tcp",
            Self::Gorums => "gorums",
        })
    }
}

/// Puts the load on a client that was seen to work.
pub(crate) async fn measure(work: impl Work, load: Load) -> Result<Figures> {
    let work = Arc::new(work);
    tokio::time::timeout(TIMEOUT, work.call(0)).await.context("the first call took too long")??;
    load.put_on(&work).await
}
