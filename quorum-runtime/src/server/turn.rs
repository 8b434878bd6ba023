use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Context;

use futures::task::AtomicWaker;
use tokio::sync::Notify;
use tonic::metadata::MetadataMap;

/// What a handler and the stream of its caller share: the turn of the request in the order of its
/// stream, whether the caller still waits, and what goes along with the reply.
#[derive(Debug, Default)]
pub(super) struct Turn {
    released: AtomicBool,
    /// The caller's stream, which polls the handler as long as it holds its turn.
    stream: AtomicWaker,
    unwanted: AtomicBool,
    told: Notify,
    /// What is to travel with the next reply.
    reply_metadata: Mutex<Option<MetadataMap>>,
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

    pub(super) fn set_reply_metadata(&self, metadata: MetadataMap) {
        *self.reply_metadata.lock().unwrap_or_else(PoisonError::into_inner) = Some(metadata);
    }

    pub(super) fn take_reply_metadata(&self) -> Option<MetadataMap> {
        self.reply_metadata.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until the caller says that it gives up.
    pub(super) async fn given_up(&self) {
        let told = self.told.notified();
        if !self.is_given_up() {
            told.await;
        }
    }
}
