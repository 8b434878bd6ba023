use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use futures::task::AtomicWaker;
use tokio::sync::Notify;

/// The turn of one request in the order of its stream, and whether its caller still waits.
#[derive(Debug, Default)]
pub(super) struct Turn {
    released: AtomicBool,
    /// The caller's stream, which polls the handler as long as it holds its turn.
    stream: AtomicWaker,
    unwanted: AtomicBool,
    told: Notify,
}

impl Turn {
    pub(super) fn release(&self) {
        self.released.store(true, Ordering::Release);
        self.stream.wake();
    }

    /// Whether the turn was given up. If not, the task is woken when it is.
    pub(super) fn is_released(&self, task: &Context<'_>) -> bool {
        if self.released.load(Ordering::Acquire) {
            return true;
        }
        self.stream.register(task.waker());
        self.released.load(Ordering::Acquire)
    }

    /// The caller has said that it gives up.
    pub(super) fn give_up(&self) {
        self.unwanted.store(true, Ordering::Release);
        self.told.notify_waiters();
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.unwanted.load(Ordering::Acquire)
    }

    /// Waits until the caller says that it gives up.
    pub(super) async fn given_up(&self) {
        let told = self.told.notified();
        if !self.is_given_up() {
            told.await;
        }
    }
}
