//! The clock by which leases are measured.

use std::time::Duration;

use tokio::time::Instant;

/// A clock that only goes forward, and may run a little too fast or too slow. What it says means nothing
/// to another process; only how long something took does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Instant,
    rate: f64,
}

impl Clock {
    /// A clock whose seconds are so many times as many as those that pass.
    pub(crate) fn new(rate: f64) -> Self {
        Self { began: Instant::now(), rate }
    }

    /// The time since it began.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed().mul_f64(self.rate)
    }

    /// Waits for so long, by this clock.
    pub(crate) async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time.div_f64(self.rate)).await;
    }
}
