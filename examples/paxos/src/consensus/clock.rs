//! The clock by which leases are measured.

use std::time::{Duration, SystemTime};

use quorum_runtime::host;
use tokio::time::Instant;

use crate::mutant::{Mutant, Mutation};

/// A clock that only goes forward, and may run a little too fast or too slow. What it says means nothing
/// to another process; only how long something took does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Instant,
    rate: f64,
    /// For [`Mutant::LeaseByWallClock`]: when that clock began.
    wall: Option<SystemTime>,
}

impl Clock {
    /// A clock whose seconds are so many times as many as those that pass.
    pub(crate) fn new(rate: f64, mutation: Mutation) -> Self {
        let wall = mutation.is(Mutant::LeaseByWallClock).then(host::now);
        Self { began: Instant::now(), rate, wall }
    }

    /// The time since it began.
    pub(crate) fn now(&self) -> Duration {
        let on_wall = |began| host::now().duration_since(began).unwrap_or_default();
        self.wall.map_or_else(|| self.began.elapsed(), on_wall).mul_f64(self.rate)
    }

    /// Waits for so long, by this clock.
    pub(crate) async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time.div_f64(self.rate)).await;
    }
}
