use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// How a server ends: it drains first, and then cuts off.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    drain: Signal,
    cut: Signal,
    /// Counts what still runs.
    pub(super) running: TaskTracker,
}

impl Stop {
    /// From now on no further request is begun.
    pub(super) fn drain(&self) {
        self.drain.give();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.drain.is_given()
    }

    /// Waits until no further request is to be begun.
    pub(super) fn draining(&self) -> WaitForCancellationFutureOwned {
        self.drain.given()
    }

    /// Everything ends at once when what is returned is dropped.
    pub(super) fn cut_on_drop(&self) -> CutOnDrop {
        CutOnDrop(self.cut.clone())
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_given()
    }

    /// Waits until everything is to end.
    pub(super) fn cut(&self) -> WaitForCancellationFutureOwned {
        self.cut.given()
    }
}

/// A signal that is given once, for all who wait for it.
#[derive(Clone, Debug, Default)]
struct Signal {
    token: CancellationToken,
    /// The same, for those who ask often: the token has a lock, which all streams would share.
    is_given: Arc<AtomicBool>,
}

impl Signal {
    fn give(&self) {
        self.is_given.store(true, Ordering::Release);
        self.token.cancel();
    }

    fn is_given(&self) -> bool {
        self.is_given.load(Ordering::Acquire)
    }

    fn given(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }
}

#[derive(Debug)]
pub(super) struct CutOnDrop(Signal);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.0.give();
    }
}
