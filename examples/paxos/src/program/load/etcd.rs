//! etcd under the same load, to compare with: three processes on the same disk, and a client of the two
//! calls that are measured.
//!
//! A write of etcd is answered when a majority has synced it, a read is linearizable, as here. Clients ask
//! the leader, which is the fastest way to ask etcd.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::uri::PathAndQuery;
use prost::Message;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::clients::{self, Counters};
use crate::program::machine;
use crate::program::processes::free_addresses;

/// Processes of etcd, which are killed when this is dropped.
pub(super) struct Target {
    processes: Vec<Child>,
    addresses: Vec<String>,
    /// To the leader. Clients take turns.
    channels: Vec<Channel>,
}

/// Over so many connections etcd was fastest with 64 clients.
const CONNECTIONS: usize = 8;

const ELECTION: Duration = Duration::from_secs(30);

/// Starts nodes, and waits until one leads.
pub(super) async fn start(nodes: u32, folder: &Path) -> Result<Target> {
    let nodes = nodes as usize;
    let mut addresses = free_addresses(2 * nodes)?;
    let peers = addresses.split_off(nodes);
    let initial: Vec<_> =
        peers.iter().enumerate().map(|(node, peer)| format!("{node}=http://{peer}")).collect();
    let mut processes = Vec::new();
    for (node, (address, peer)) in addresses.iter().zip(&peers).enumerate() {
        let (url, peer_url) = (format!("http://{address}"), format!("http://{peer}"));
        let mut command = Command::new("etcd");
        command.args(["--name", &node.to_string(), "--log-level", "error", "--logger", "zap"]);
        command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
        command.args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url]);
        command.args(["--initial-cluster", &initial.join(",")]);
        command.arg("--data-dir").arg(folder.join(node.to_string()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        processes.push(command.spawn().context(
            "cannot start `etcd`: install it, on Debian with `apt-get install etcd-server`",
        )?);
    }
    let leader = leader(&addresses).await?;
    let channels = (0..CONNECTIONS).map(|_| channel(&leader)).collect::<Result<_>>()?;
    Ok(Target { processes, addresses, channels })
}

fn channel(address: &str) -> Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect_lazy())
}

async fn leader(addresses: &[String]) -> Result<String> {
    let begun = Instant::now();
    while begun.elapsed() < ELECTION {
        for address in addresses {
            let status =
                call(&channel(address)?, "/etcdserverpb.Maintenance/Status", Empty {}).await;
            let Ok(StatusResponse { header: Some(header), leader }) = status else { continue };
            if leader != 0 && header.member_id == leader {
                return Ok(address.clone());
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("no node of etcd leads after {ELECTION:?}")
}

async fn call<Q, R>(channel: &Channel, path: &'static str, request: Q) -> Result<R>
where
    Q: Message + 'static,
    R: Message + Default + 'static,
{
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await?;
    let path = PathAndQuery::from_static(path);
    let reply = grpc.unary(tonic::Request::new(request), path, ProstCodec::default()).await?;
    Ok(reply.into_inner())
}

impl clients::Target for Target {
    type Worker = Channel;

    fn worker(&self) -> Result<Channel> {
        let channel = self.channels.get(fastrand::usize(..self.channels.len().max(1)));
        channel.cloned().context("there are no connections")
    }

    async fn counters(&self) -> Result<Counters> {
        let mut syncs = 0;
        for address in &self.addresses {
            syncs += self::syncs(address).await?;
        }
        let processes = self.processes.iter().map(|process| machine::bytes_written(process.id()?));
        Ok(Counters { syncs: Some(syncs), bytes_logged: None, bytes_written: processes.sum() })
    }
}

impl clients::Worker for Channel {
    async fn put(&mut self, key: &str, value: &str) -> Result<()> {
        let request = PutRequest { key: key.into(), value: value.into() };
        call::<_, Empty>(self, "/etcdserverpb.KV/Put", request).await?;
        Ok(())
    }

    async fn get(&mut self, key: &str) -> Result<()> {
        let request = RangeRequest { key: key.into() };
        call::<_, Empty>(self, "/etcdserverpb.KV/Range", request).await?;
        Ok(())
    }
}

/// How often a node has synced its log, by its metrics.
async fn syncs(address: &str) -> Result<u64> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let counted = text
        .lines()
        .find_map(|line| line.strip_prefix("etcd_disk_wal_fsync_duration_seconds_count "));
    let counted = counted.context("the metrics of etcd count no syncs")?;
    Ok(counted.trim().parse()?)
}

/// What matters of the messages of etcd's API. Fields that are left out are skipped in what it answers.
#[derive(Clone, PartialEq, Message)]
struct Empty {}

#[derive(Clone, PartialEq, Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<ResponseHeader>,
    #[prost(uint64, tag = "4")]
    leader: u64,
}

#[derive(Clone, PartialEq, Message)]
struct ResponseHeader {
    #[prost(uint64, tag = "2")]
    member_id: u64,
}
