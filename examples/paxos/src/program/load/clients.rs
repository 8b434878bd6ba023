//! Clients that make one request after another, whoever serves them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use super::Load;
use super::figures::Figures;

/// Nodes that are put under load.
pub(super) trait Target {
    type Worker: Worker;

    /// A client of its own.
    fn worker(&self) -> Result<Self::Worker>;

    /// What the nodes have done so far, as far as they can say.
    async fn counters(&self) -> Result<Counters>;
}

/// A client, which has one request under way at a time.
pub(super) trait Worker: Send + 'static {
    fn put(&mut self, key: &str, value: &str) -> impl Future<Output = Result<()>> + Send;
    fn get(&mut self, key: &str) -> impl Future<Output = Result<()>> + Send;
}

/// Of all nodes together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) syncs: Option<u64>,
    pub(super) bytes_logged: Option<u64>,
    pub(super) bytes_written: Option<u64>,
}

impl Counters {
    pub(super) fn since(self, before: Self) -> Self {
        let since = |now: Option<u64>, before: Option<u64>| Some(now?.saturating_sub(before?));
        Self {
            syncs: since(self.syncs, before.syncs),
            bytes_logged: since(self.bytes_logged, before.bytes_logged),
            bytes_written: since(self.bytes_written, before.bytes_written),
        }
    }
}

/// Latencies are kept in nanoseconds, to three digits, up to a minute.
const LONGEST: u64 = 60_000_000_000;

/// What clients are told.
const WARM_UP: u8 = 0;
const MEASURE: u8 = 1;
const STOP: u8 = 2;

/// What clients share.
#[derive(Debug, Default)]
struct Shared {
    phase: AtomicU8,
    done: AtomicU64,
    errors: AtomicU64,
    is_told: AtomicBool,
}

/// Has the clients work, and says how much they did.
pub(super) async fn measure<T: Target>(target: &T, load: &Load) -> Result<Figures> {
    let (warm_up, seconds) = load.span();
    let shared = Shared { phase: AtomicU8::new(WARM_UP), ..Shared::default() };
    let shared = Arc::new(shared);
    let mut clients = JoinSet::new();
    for _ in 0..load.clients {
        let (worker, shared) = (target.worker()?, Arc::clone(&shared));
        clients.spawn(working(worker, load.keys(), load.reads, shared));
    }
    let bar = bar(warm_up + seconds)?;
    wait(warm_up, &bar, &shared).await;
    let before = target.counters().await?;
    let (begun, done) = (Instant::now(), shared.done.load(Ordering::Relaxed));
    shared.phase.store(MEASURE, Ordering::Relaxed);
    wait(seconds, &bar, &shared).await;
    shared.phase.store(STOP, Ordering::Relaxed);
    let (time, done) = (begun.elapsed(), shared.done.load(Ordering::Relaxed) - done);
    let counters = target.counters().await?.since(before);
    let mut latencies = histogram()?;
    while let Some(ended) = clients.join_next().await {
        latencies.add(ended.context("a client panicked")??)?;
    }
    bar.finish_and_clear();
    let errors = shared.errors.load(Ordering::Relaxed);
    Ok(Figures::new(done, time, &latencies, counters, errors))
}

async fn working(
    mut worker: impl Worker,
    keys: Keys,
    reads: u8,
    shared: Arc<Shared>,
) -> Result<Histogram<u64>> {
    let mut latencies = histogram()?;
    loop {
        let phase = shared.phase.load(Ordering::Relaxed);
        if phase == STOP {
            return Ok(latencies);
        }
        let (key, begun) = (keys.draw(), Instant::now());
        let result = match fastrand::u8(..100) < reads {
            true => worker.get(&key).await,
            false => worker.put(&key, &keys.value()).await,
        };
        match result {
            Ok(()) if phase == MEASURE => {
                latencies.saturating_record(saturating_nanoseconds(begun.elapsed()));
            }
            Ok(()) => {}
            Err(error) => {
                shared.errors.fetch_add(1, Ordering::Relaxed);
                if !shared.is_told.swap(true, Ordering::Relaxed) {
                    eprintln!("the first error: {error:#}");
                }
                sleep(Duration::from_millis(10)).await;
                continue;
            }
        }
        shared.done.fetch_add(1, Ordering::Relaxed);
    }
}

async fn wait(time: Duration, bar: &ProgressBar, shared: &Shared) {
    let (mut ticks, begun) = (interval(Duration::from_millis(100)), Instant::now());
    while begun.elapsed() < time {
        ticks.tick().await;
        bar.inc(100);
        bar.set_message(format!("{} operations", shared.done.load(Ordering::Relaxed)));
    }
}

fn bar(time: Duration) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{wide_bar} {elapsed} {msg}")?;
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Ok(ProgressBar::new(milliseconds).with_style(style))
}

/// What clients write, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    pub(crate) keys: u64,
    pub(crate) value_bytes: usize,
}

impl Keys {
    pub(crate) fn key(number: u64) -> String {
        format!("key-{number:010}")
    }

    fn draw(self) -> String {
        Self::key(fastrand::u64(..self.keys))
    }

    /// Another one each time.
    pub(crate) fn value(self) -> String {
        let number = fastrand::u64(..).to_string();
        let mut value = number.repeat(self.value_bytes / number.len() + 1);
        value.truncate(self.value_bytes);
        value
    }
}

pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_max(LONGEST, 3)?)
}

pub(crate) fn saturating_nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(LONGEST)
}
