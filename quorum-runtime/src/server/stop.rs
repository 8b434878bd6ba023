use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// How a server ends: it drains first, and then cuts off.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    drain: CancellationToken,
    /// The same, for those who ask often: the token has a lock, which all streams would share.
    is_draining: Arc<AtomicBool>,
    cut: CancellationToken,
    /// Counts what still runs.
    pub(super) running: TaskTracker,
}

impl Stop {
    /// From now on no further request is begun.
    pub(super) fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
        self.drain.cancel();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Waits until no further request is to be begun.
    pub(super) fn draining(&self) -> WaitForCancellationFutureOwned {
        self.drain.clone().cancelled_owned()
    }

    /// Everything ends at once when what is returned is dropped.
    pub(super) fn cut_on_drop(&self) -> DropGuard {
        self.cut.clone().drop_guard()
    }

    /// Waits until everything is to end.
    pub(super) fn cut(&self) -> WaitForCancellationFutureOwned {
        self.cut.clone().cancelled_owned()
    }
}
