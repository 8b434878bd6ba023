use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinSet};

use super::reply::ReplyHead;
use super::service::{Outcome, Running};
use super::turn::Turn;

/// The handlers of one caller that run beside each other, because they have released or their
/// methods take no turns.
#[derive(Debug)]
pub(super) struct Beside {
    running: JoinSet<Ended>,
    /// By the sequence numbers of their requests.
    handles: BTreeMap<u64, Handle>,
    max: usize,
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
    /// Of at most this many handlers.
    pub(super) fn new(max: usize) -> Self {
        Self { running: JoinSet::new(), handles: BTreeMap::new(), max }
    }

    pub(super) fn is_full(&self) -> bool {
        self.running.len() >= self.max
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn add(
        &mut self,
        head: ReplyHead,
        running: Running,
        turn: Arc<Turn>,
        streams: bool,
    ) {
        let sequence = head.sequence;
        let shared = Arc::clone(&turn);
        let ended = async { Ended { head, turn: shared, outcome: running.await } };
        let task = self.running.spawn(ended);
        self.handles.insert(sequence, Handle { turn, task, streams });
    }

    /// What came of the next handler that ends; `Some(None)` of one that was told to stop, and
    /// `None` when no handler runs.
    pub(super) async fn next(&mut self) -> Option<Option<Ended>> {
        // Handlers catch their panics, so one that did not return was aborted.
        self.running.join_next().await.map(Result::ok)
    }

    /// A handler has ended.
    pub(super) fn ended(&mut self, sequence: u64) {
        self.handles.remove(&sequence);
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
