//! Callers that make one call after another, and what they see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::machine::Usage;
use crate::measurement::Figures;

/// What callers do, again and again.
pub(crate) trait Work: Send + Sync + 'static {
    /// One call, by the caller of this number.
    fn call(&self, caller: usize) -> impl Future<Output = Result<()>> + Send;
}

/// How many callers call for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) callers: usize,
    pub(crate) span: Span,
}

/// When callers stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Span {
    Time {
        warm_up: Duration,
        seconds: Duration,
    },
    /// After so many calls of all callers together.
    Calls(u64),
}

/// Latencies are kept in nanoseconds, to three digits, up to a minute.
const LONGEST: u64 = 60_000_000_000;

/// What callers are told.
const WARM_UP: u8 = 0;
const MEASURE: u8 = 1;
const STOP: u8 = 2;

impl Load {
    /// Has the callers call. Fails with the first call that fails.
    pub(crate) async fn put_on(self, work: &Arc<impl Work>) -> Result<Figures> {
        match self.span {
            Span::Time { warm_up, seconds } => self.for_a_time(work, warm_up, seconds).await,
            Span::Calls(calls) => self.for_calls(work, calls).await,
        }
    }

    async fn for_a_time(
        self,
        work: &Arc<impl Work>,
        warm_up: Duration,
        seconds: Duration,
    ) -> Result<Figures> {
        let phase = Arc::new(AtomicU8::new(WARM_UP));
        let mut callers = JoinSet::new();
        for number in 0..self.callers {
            callers.spawn(calling(Arc::clone(work), number, Arc::clone(&phase)));
        }
        during(&mut callers, warm_up).await?;
        phase.store(MEASURE, Ordering::Relaxed);
        let (begun, before) = (Instant::now(), Usage::now());
        during(&mut callers, seconds).await?;
        let (time, used) = (begun.elapsed(), Usage::now().since(&before));
        phase.store(STOP, Ordering::Relaxed);
        let latencies = ended(callers).await?;
        ensure!(
            !latencies.is_empty(),
            "no call ended in the time that was measured: give it more --seconds"
        );
        Ok(Figures::new(&latencies, time, &used))
    }

    async fn for_calls(self, work: &Arc<impl Work>, calls: u64) -> Result<Figures> {
        let left = Arc::new(AtomicU64::new(calls));
        let (begun, before) = (Instant::now(), Usage::now());
        let mut callers = JoinSet::new();
        for number in 0..self.callers {
            callers.spawn(calling_while_left(Arc::clone(work), number, Arc::clone(&left)));
        }
        let latencies = ended(callers).await?;
        Ok(Figures::new(&latencies, begun.elapsed(), &Usage::now().since(&before)))
    }
}

/// What callers return: how long their calls took.
type Latencies = Result<Histogram<u64>>;

/// Waits, unless a caller ends, which none does but with an error.
async fn during(callers: &mut JoinSet<Latencies>, time: Duration) -> Result<()> {
    tokio::select! {
        biased;
        Some(ended) = callers.join_next() => ended.context("a caller panicked")?.map(drop),
        () = sleep(time) => Ok(()),
    }
}

async fn ended(mut callers: JoinSet<Latencies>) -> Latencies {
    let mut latencies = histogram()?;
    while let Some(ended) = callers.join_next().await {
        latencies.add(ended.context("a caller panicked")??)?;
    }
    Ok(latencies)
}

/// One caller. The end of a call is the beginning of the next, so the clock is read once for each.
async fn calling(work: Arc<impl Work>, number: usize, phase: Arc<AtomicU8>) -> Latencies {
    let mut latencies = histogram()?;
    let mut begun = Instant::now();
    loop {
        work.call(number).await?;
        let ended = Instant::now();
        match phase.load(Ordering::Relaxed) {
            WARM_UP => {}
            MEASURE => record(ended.duration_since(begun), &mut latencies),
            _ => return Ok(latencies),
        }
        begun = ended;
    }
}

/// One caller of those that make so many calls together.
async fn calling_while_left(
    work: Arc<impl Work>,
    number: usize,
    left: Arc<AtomicU64>,
) -> Latencies {
    let mut latencies = histogram()?;
    let mut begun = Instant::now();
    let one_less = |left: u64| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
        work.call(number).await?;
        let ended = Instant::now();
        record(ended.duration_since(begun), &mut latencies);
        begun = ended;
    }
    Ok(latencies)
}

fn record(latency: Duration, latencies: &mut Histogram<u64>) {
    latencies.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(LONGEST));
}

fn histogram() -> Latencies {
    Ok(Histogram::new_with_max(LONGEST, 3)?)
}
