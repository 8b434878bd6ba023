//! When the map is made durable. Until then the log has what was executed, so this is a matter of how long
//! a restart takes, how long the log gets, and how much the disk has to write: what is changed again before
//! it is flushed is not written twice.

use std::ops::RangeInclusive;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use quorum_runtime::host;
use tokio::time::{Instant, sleep_until};

use super::{Flush, Flushed, Map};
use crate::error::StoreError;

/// How long after it was executed a slot is flushed. A long flush keeps the disk from the log, so it is done
/// the more often the longer it takes.
const WAIT: RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_secs(2);

/// How long it should take.
const LENGTH: Duration = Duration::from_millis(30);

/// How many bytes of changes there are in memory before nothing is executed until a flush has ended; at half
/// of it one begins. There may be as many again that are being flushed.
const ROOM: usize = 8 << 20;

/// The flushes of a map, one at a time, beside executing.
pub(crate) struct Persistence {
    wait: Duration,
    /// Since when there is something to be flushed.
    since: Option<Instant>,
    flushing: Option<BoxFuture<'static, (Result<Flushed, StoreError>, Duration)>>,
}

impl Persistence {
    pub(crate) fn new() -> Self {
        Self { wait: *WAIT.end(), since: None, flushing: None }
    }

    /// Begins a flush when it is time.
    pub(crate) fn begin(&mut self, map: &mut Map) {
        if self.flushing.is_some() {
            return;
        }
        if map.durable() == map.applied() {
            self.since = None;
            return;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.wait || map.recent() >= ROOM / 2 {
            self.since = None;
            self.flushing = Some(timed(map.flush()).boxed());
        }
    }

    /// Whether there is room for more changes.
    pub(crate) fn has_room(&self, map: &Map) -> bool {
        map.recent() < ROOM
    }

    /// Waits until a flush has ended, or is to be begun. It goes on with it if it is asked again.
    pub(crate) async fn next(&mut self, map: &mut Map) -> Result<(), StoreError> {
        if let Some(flushing) = &mut self.flushing {
            let (flushed, length) = flushing.await;
            self.flushing = None;
            let rate = if length > LENGTH { 0.7 } else { 1.2 };
            self.wait = self.wait.mul_f64(rate).clamp(*WAIT.start(), *WAIT.end());
            map.flushed(flushed?);
            return Ok(());
        }
        match self.since {
            Some(since) => sleep_until(since + self.wait).await,
            None => std::future::pending().await,
        }
        Ok(())
    }
}

async fn timed(flush: Flush) -> (Result<Flushed, StoreError>, Duration) {
    let began = Instant::now();
    let flushed = host::blocking(move || flush.run()).await;
    (flushed, began.elapsed())
}
