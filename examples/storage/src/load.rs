//! How many writes a second three durable servers take, and how long one of them is on its way.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use example_support::output;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::client::{Client, Register};
use crate::cluster::{CLUSTER, Cluster};
use crate::connection::connect;
use crate::mutant::Mutation;

/// How many keys are written.
const KEYS: u32 = 1000;

/// How many bytes a value has.
const VALUE: usize = 100;

/// Arguments of the subcommand.
#[derive(Debug, clap::Args)]
pub(crate) struct Load {
    /// How many servers to start in this process, each with a folder of its own.
    #[arg(long, value_name = "COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=20))]
    nodes: u32,

    /// How many clients write at the same time.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    clients: u32,

    /// For how long.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,

    /// Whether each client is the only one who writes his keys, and needs no read phase.
    #[arg(long)]
    single_writer: bool,
}

impl Load {
    pub(crate) async fn run(&self) -> anyhow::Result<()> {
        let folder = tempfile::tempdir().context("cannot make a folder for the data")?;
        let cluster = Cluster::start(self.nodes, Some(folder.path()), None).await?;
        let (begun, seconds) = (Instant::now(), Duration::from_secs(self.seconds));
        let mut writers = JoinSet::new();
        for number in 1..=self.clients {
            let manager = connect(CLUSTER, cluster.addresses(), Duration::from_secs(10)).build()?;
            let register =
                if self.single_writer { Register::OneWriter } else { Register::ManyWriters };
            let client = Arc::new(Client::new(manager, register, number, Mutation::default())?);
            writers.spawn(write(client, number, begun + seconds));
        }
        let mut latencies = Histogram::<u64>::new(3)?;
        while let Some(written) = writers.join_next().await {
            latencies.add(written??)?;
        }
        let rate = latencies.len() / self.seconds.max(1);
        let at = |quantile| Duration::from_micros(latencies.value_at_quantile(quantile));
        let (p50, p99) = (at(0.5), at(0.99));
        let clients = self.clients;
        output::line(format_args!("{clients} clients: {rate} writes/s, p50 {p50:?}, p99 {p99:?}"))?;
        cluster.stop().await;
        Ok(())
    }
}

/// Gives the microseconds that each write took.
async fn write(client: Arc<Client>, me: u32, end: Instant) -> anyhow::Result<Histogram<u64>> {
    let mut latencies = Histogram::new(3)?;
    let value = "v".repeat(VALUE);
    // So that not all of them begin at once.
    sleep(Duration::from_millis(fastrand::u64(0..20))).await;
    while Instant::now() < end {
        let begun = Instant::now();
        let key = format!("{me}.{}", fastrand::u32(0..KEYS));
        client.write(client.storage(), &key, &value).await?;
        latencies.record(begun.elapsed().as_micros().try_into()?)?;
    }
    Ok(latencies)
}
