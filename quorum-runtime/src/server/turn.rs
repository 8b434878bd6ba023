use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;

use futures::task::AtomicWaker;
use tokio::sync::Notify;
use tonic::metadata::MetadataMap;

use super::caller::Caller;

/// What a handler and the stream of its caller share: who the caller is, the turn of the request in the
/// order of its stream, whether the caller still waits, and what goes along with the reply.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) caller: Arc<Caller>,
    /// Which of the marks are set.
    marks: AtomicU8,
    /// The caller's stream, which polls the handler as long as it holds its turn.
    stream: AtomicWaker,
    told: Notify,
    /// What is to travel with the next reply.
    reply_metadata: Mutex<Option<MetadataMap>>,
}

const RELEASED: u8 = 1;
/// The caller has given up.
const UNWANTED: u8 = 2;
/// There is metadata; the lock is not taken for less.
const METADATA: u8 = 4;

impl Turn {
    pub(super) fn of(caller: Arc<Caller>) -> Self {
        Self {
            caller,
            marks: AtomicU8::default(),
            stream: AtomicWaker::default(),
            told: Notify::default(),
            reply_metadata: Mutex::default(),
        }
    }

    pub(super) fn release(&self) {
        self.mark(RELEASED);
        self.stream.wake();
    }

    /// Whether the turn was given up. If not, the task is woken when it is.
    pub(super) fn is_released(&self, task: &Context<'_>) -> bool {
        if self.has(RELEASED) {
            return true;
        }
        self.stream.register(task.waker());
        self.has(RELEASED)
    }

    /// The caller has said that it gives up.
    pub(super) fn give_up(&self) {
        self.mark(UNWANTED);
        self.told.notify_waiters();
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.has(UNWANTED)
    }

    pub(super) fn set_reply_metadata(&self, metadata: MetadataMap) {
        *self.reply_metadata.lock().unwrap_or_else(PoisonError::into_inner) = Some(metadata);
        self.mark(METADATA);
    }

    pub(super) fn take_reply_metadata(&self) -> Option<MetadataMap> {
        if !self.has(METADATA) {
            return None;
        }
        self.reply_metadata.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until the caller says that it gives up.
    pub(super) async fn given_up(&self) {
        let told = self.told.notified();
        if !self.is_given_up() {
            told.await;
        }
    }

    /// Makes it the turn of another request. Nobody else may have it, so nobody waits for it either.
    pub(super) fn renew(&mut self) {
        if std::mem::take(self.marks.get_mut()) & METADATA != 0 {
            self.reply_metadata = Mutex::default();
        }
    }

    fn mark(&self, mark: u8) {
        self.marks.fetch_or(mark, Ordering::Release);
    }

    fn has(&self, mark: u8) -> bool {
        self.marks.load(Ordering::Acquire) & mark != 0
    }
}
