use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use bytes::Bytes;

use crate::error::NodeError;
use crate::quorum::NodeId;

/// Where the outcomes of one call arrive.
///
/// Its size is bounded by the targets of the call: each delivers once.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    abandoned: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    arrived: VecDeque<Arrival>,
    reader: Option<Waker>,
}

/// What became of a call at one node: the encoded reply, or why there is none.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) node: NodeId,
    pub(crate) outcome: Result<Bytes, NodeError>,
}

impl Inbox {
    /// Where this node's outcome is to be delivered.
    pub(crate) fn slot(self: &Arc<Self>, node: NodeId) -> ReplyTo {
        ReplyTo { inbox: Arc::clone(self), node }
    }

    /// Moves what has arrived to `arrivals`. If that is nothing, the task is woken when something
    /// comes.
    pub(crate) fn take(&self, arrivals: &mut VecDeque<Arrival>, task: &Context<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.arrived.is_empty() {
            state.reader = Some(task.waker().clone());
        } else {
            arrivals.append(&mut state.arrived);
        }
    }

    /// Nobody waits any more.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    fn deliver(&self, arrival: Arrival) {
        let reader = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.arrived.push_back(arrival);
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The right to deliver one node's outcome to a call, once. Delivering to a call that nobody
/// waits for any more does nothing.
#[derive(Debug)]
pub(crate) struct ReplyTo {
    inbox: Arc<Inbox>,
    node: NodeId,
}

impl ReplyTo {
    pub(crate) fn deliver(self, outcome: Result<Bytes, NodeError>) {
        if self.is_wanted() {
            self.inbox.deliver(Arrival { node: self.node, outcome });
        }
    }

    /// Whether somebody still waits for the outcome.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.inbox.abandoned.load(Ordering::Acquire)
    }
}
