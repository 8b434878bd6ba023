use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

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

    /// The same for those who look again and again.
    pub(super) fn watch_drain(&self) -> Watch {
        Watch::new(&self.drain)
    }

    pub(super) fn watch_cut(&self) -> Watch {
        Watch::new(&self.cut)
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

/// Looks again and again whether a signal was given.
#[derive(Debug)]
pub(super) struct Watch {
    signal: Signal,
    given: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The task that is woken when it is given. To ask again takes a lock that all streams share.
    told: Option<Waker>,
}

impl Watch {
    fn new(signal: &Signal) -> Self {
        Self { signal: signal.clone(), given: Box::pin(signal.given()), told: None }
    }

    pub(super) fn was_given(&self) -> bool {
        self.signal.is_given()
    }

    /// Whether the signal was given. If not, the task is woken when it is.
    pub(super) fn is_given(&mut self, task: &mut Context<'_>) -> bool {
        if self.was_given() {
            return true;
        }
        if self.told.as_ref().is_some_and(|told| told.will_wake(task.waker())) {
            return false;
        }
        self.told = Some(task.waker().clone());
        self.given.as_mut().poll(task).is_ready()
    }
}

#[derive(Debug)]
pub(super) struct CutOnDrop(Signal);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.0.give();
    }
}
