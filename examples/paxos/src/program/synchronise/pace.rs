//! Commits at a steady rate, whatever becomes of those before, and how long each took from the moment at
//! which it was due.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::client::Client;
use crate::program::load::{Keys, histogram, milliseconds, saturating_nanoseconds};
use crate::program::nodes::Target;

/// How many commits may be under way: more would have to be late already.
const CLIENTS: u32 = 128;

/// Clients that commit together at a rate.
#[derive(Debug)]
pub(super) struct Paced {
    shared: Arc<Shared>,
    clients: JoinSet<Result<()>>,
}

#[derive(Debug)]
struct Shared {
    keys: Keys,
    latencies: Mutex<Histogram<u64>>,
    is_over: AtomicBool,
}

/// The commits of a time.
#[derive(Debug)]
pub(super) struct Commits(Histogram<u64>);

impl Paced {
    pub(super) fn start(target: &Target, rate: u32, keys: Keys) -> Result<Self> {
        let latencies = Mutex::new(histogram()?);
        let shared = Arc::new(Shared { keys, latencies, is_over: AtomicBool::new(false) });
        let mut clients = JoinSet::new();
        let (each, first) = (Duration::from_secs(1) * CLIENTS / rate, Instant::now());
        for number in 0..CLIENTS {
            let due = first + Duration::from_secs(1) * number / rate;
            clients.spawn(committing(target.client()?, due, each, Arc::clone(&shared)));
        }
        Ok(Self { shared, clients })
    }

    /// Those since the last time that it was asked.
    pub(super) fn take(&self) -> Commits {
        let mut latencies = self.shared.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = Commits(latencies.clone());
        latencies.reset();
        taken
    }

    pub(super) async fn stop(mut self) -> Result<()> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.context("a client panicked")??;
        }
        Ok(())
    }
}

async fn committing(
    mut client: Client,
    mut due: Instant,
    each: Duration,
    shared: Arc<Shared>,
) -> Result<()> {
    while !shared.is_over.load(Ordering::Relaxed) {
        sleep_until(due).await;
        let key = Keys::key(fastrand::u64(..shared.keys.keys));
        client.put(&key, &shared.keys.value()).await?;
        let latency = saturating_nanoseconds(due.elapsed());
        let latencies = shared.latencies.lock();
        latencies.unwrap_or_else(PoisonError::into_inner).saturating_record(latency);
        due += each;
    }
    Ok(())
}

impl fmt::Display for Commits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(latencies) = self;
        let [p50, p999] =
            [0.5, 0.999].map(|quantile| milliseconds(latencies.value_at_quantile(quantile)));
        let (count, max) = (latencies.len(), milliseconds(latencies.max()));
        write!(f, "{count}, p50 {p50:.2} ms, p99.9 {p999:.1} ms, worst {max:.1} ms")
    }
}
