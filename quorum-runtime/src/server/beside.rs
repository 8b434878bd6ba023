use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::task::{AbortHandle, JoinSet};

use super::registry::HandlerId;
use super::reply::ReplyHead;
use super::running::Running;
use super::service::Outcome;
use super::turn::Turn;

/// The handlers of one caller that run beside each other, because they have released or their
/// methods take no turns.
#[derive(Debug)]
pub(super) struct Beside {
    running: JoinSet<Ended>,
    /// By the sequence numbers of their requests.
    handles: BTreeMap<u64, Handle>,
    /// Bytes of the requests of those that run.
    bytes: Arc<AtomicUsize>,
    max: usize,
    max_bytes: usize,
}

/// A request whose handler has begun.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) head: ReplyHead,
    pub(super) handler: HandlerId,
    pub(super) turn: Arc<Turn>,
    /// Its handler may reply several times.
    pub(super) streams: bool,
    /// Of its message.
    pub(super) bytes: usize,
}

/// A handler that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) head: ReplyHead,
    pub(super) turn: Arc<Turn>,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
struct Handle {
    turn: Arc<Turn>,
    task: AbortHandle,
    streams: bool,
}

impl Beside {
    /// Of at most this many handlers, and that many bytes of requests. The bytes are checked before a
    /// handler is added, so the largest request comes on top.
    pub(super) fn new(max: usize, max_bytes: usize) -> Self {
        let (running, handles) = (JoinSet::new(), BTreeMap::new());
        Self { running, handles, bytes: Arc::default(), max, max_bytes }
    }

    pub(super) fn is_full(&self) -> bool {
        self.running.len() >= self.max || self.bytes.load(Ordering::Relaxed) >= self.max_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn add(&mut self, request: Begun, running: Running) {
        let Begun { head, turn, streams, bytes, .. } = request;
        let sequence = head.sequence;
        let (held, shared) = (Held::new(bytes, &self.bytes), Arc::clone(&turn));
        let task = self.running.spawn(async move {
            let outcome = running.await;
            drop(held);
            Ended { head, turn: shared, outcome }
        });
        self.handles.insert(sequence, Handle { turn, task, streams });
    }

    /// What came of the next handler that ends; `Some(None)` of one that was told to stop, and
    /// `None` when no handler runs.
    pub(super) fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Option<Option<Ended>>> {
        let ended = ready!(self.running.poll_join_next(task));
        // Handlers catch their panics, so one that did not return was aborted.
        let ended = ended.map(Result::ok);
        if let Some(Some(Ended { head, .. })) = &ended {
            self.handles.remove(&head.sequence);
        }
        Poll::Ready(ended)
    }

    /// The caller of this request gave up. A handler that may reply several times stops where it
    /// waits; any other is told.
    pub(super) fn cancel(&mut self, sequence: u64) {
        let Some(handle) = self.handles.get(&sequence) else {
            return;
        };
        handle.turn.give_up();
        if handle.streams {
            handle.task.abort();
            self.handles.remove(&sequence);
        }
    }

    pub(super) fn abort(&mut self) {
        self.running.abort_all();
    }
}

/// The bytes of a request, for as long as its handler runs.
struct Held {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Held {
    fn new(bytes: usize, all: &Arc<AtomicUsize>) -> Self {
        all.fetch_add(bytes, Ordering::Relaxed);
        Self { bytes, all: Arc::clone(all) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
