//! Callers that make one call after another, and what they see.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
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
    pub(crate) warm_up: Duration,
    pub(crate) seconds: Duration,
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
        let phase = Arc::new(AtomicU8::new(WARM_UP));
        let mut callers = JoinSet::new();
        for number in 0..self.callers {
            callers.spawn(calling(Arc::clone(work), number, Arc::clone(&phase)));
        }
        self.during(&mut callers, self.warm_up).await?;
        phase.store(MEASURE, Ordering::Relaxed);
        let (begun, before) = (Instant::now(), Usage::now());
        self.during(&mut callers, self.seconds).await?;
        let (time, used) = (begun.elapsed(), Usage::now().since(&before));
        phase.store(STOP, Ordering::Relaxed);

        let mut latencies = histogram()?;
        while let Some(ended) = callers.join_next().await {
            latencies.add(ended.context("a caller panicked")??)?;
        }
        ensure!(
            !latencies.is_empty(),
            "no call ended in the time that was measured: give it more --seconds"
        );
        Ok(Figures::new(&latencies, time, &used))
    }

    /// Waits, unless a caller ends, which none does but with an error.
    async fn during(
        self,
        callers: &mut JoinSet<Result<Histogram<u64>>>,
        time: Duration,
    ) -> Result<()> {
        tokio::select! {
            biased;
            Some(ended) = callers.join_next() => ended.context("a caller panicked")?.map(drop),
            () = sleep(time) => Ok(()),
        }
    }
}

/// One caller. The end of a call is the beginning of the next, so the clock is read once for each.
async fn calling(
    work: Arc<impl Work>,
    number: usize,
    phase: Arc<AtomicU8>,
) -> Result<Histogram<u64>> {
    let mut latencies = histogram()?;
    let mut begun = Instant::now();
    loop {
        work.call(number).await?;
        let ended = Instant::now();
        let latency = ended.duration_since(begun).as_nanos();
        match phase.load(Ordering::Relaxed) {
            WARM_UP => {}
            MEASURE => latencies.saturating_record(u64::try_from(latency).unwrap_or(LONGEST)),
            _ => return Ok(latencies),
        }
        begun = ended;
    }
}

fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_max(LONGEST, 3)?)
}
