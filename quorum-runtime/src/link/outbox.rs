use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::call::ReplyTo;
use crate::error::{ConnectionError, NodeError};
use crate::wire::Envelope;

/// A message on its way to the node.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) envelope: Envelope,
    /// Encoded size of the envelope.
    pub(crate) bytes: usize,
    pub(crate) reply_to: ReplyTo,
    /// Nothing is answered: the outcome is that the connection took the message.
    pub(crate) one_way: bool,
}

/// How much one node may owe before further messages to it are refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Messages that wait to be sent, plus those that wait for a reply.
    pub(crate) requests: usize,
    /// Bytes of the messages that wait to be sent.
    pub(crate) bytes: usize,
}

/// Number of a connection of one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

/// The messages to one node that wait to be sent, and the calls that wait for its replies.
///
/// **Invariant:** the number and the size of what is held are within the limits, whatever the node
/// does. **Invariant:** outcomes are delivered with the lock released.
#[derive(Debug)]
pub(crate) struct Outbox {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Outgoing>,
    queued_bytes: usize,
    /// Who waits for which sequence number. Ordered, so that a lost connection is reported in the
    /// order of the calls.
    pending: BTreeMap<u64, ReplyTo>,
    /// The connection that may take messages from the queue.
    connection: Option<Epoch>,
    connections: u64,
    /// The connection's task, when it waits for the next message.
    sender: Option<Waker>,
    closed: bool,
}

impl Outbox {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    /// Puts a message at the end of the queue, or tells its call why it found no room.
    pub(crate) fn push(&self, outgoing: Outgoing) {
        let mut state = self.lock();
        if let Some(refusal) = state.refusal(outgoing.bytes, self.limits) {
            drop(state);
            outgoing.reply_to.deliver(Err(refusal));
            return;
        }
        state.queued_bytes += outgoing.bytes;
        state.queue.push_back(outgoing);
        let sender = state.sender.take();
        drop(state);
        if let Some(sender) = sender {
            sender.wake();
        }
    }

    /// The next message for this connection; `None` when it is not to send any more, because the
    /// outbox was closed and is empty or because another connection has taken over.
    pub(crate) fn poll_pop(&self, epoch: Epoch, task: &Context<'_>) -> Poll<Option<Envelope>> {
        let mut state = self.lock();
        if state.connection != Some(epoch) {
            return Poll::Ready(None);
        }
        let Some(Outgoing { envelope, bytes, reply_to, one_way }) = state.queue.pop_front() else {
            if state.closed {
                return Poll::Ready(None);
            }
            state.sender = Some(task.waker().clone());
            return Poll::Pending;
        };
        state.queued_bytes -= bytes;
        if one_way {
            drop(state);
            reply_to.deliver(Ok(Bytes::new()));
        } else if reply_to.is_wanted() {
            state.pending.insert(envelope.sequence, reply_to);
        }
        Poll::Ready(Some(envelope))
    }

    /// A reply has come: who waits for it? A node's first reply to a call takes its entry away, so
    /// a second one finds nobody.
    pub(crate) fn take(&self, sequence: u64) -> Option<ReplyTo> {
        self.lock().pending.remove(&sequence)
    }

    /// Nobody waits for the reply to this call any more.
    pub(crate) fn forget(&self, sequence: u64) {
        self.lock().pending.remove(&sequence);
    }

    /// A connection was opened, and may take messages from now on.
    pub(crate) fn attach(&self) -> Epoch {
        let mut state = self.lock();
        state.connections += 1;
        let epoch = Epoch(state.connections);
        state.connection = Some(epoch);
        epoch
    }

    /// The connection is gone. What was handed to it has an unknown fate and is reported; what is
    /// queued waits for the next connection.
    pub(crate) fn detach(&self, cause: &ConnectionError) {
        let pending = {
            let mut state = self.lock();
            state.connection = None;
            std::mem::take(&mut state.pending)
        };
        for reply_to in pending.into_values() {
            reply_to.deliver(Err(NodeError::Disconnected(cause.clone())));
        }
    }

    /// Gives up what is queued.
    pub(crate) fn fail_queued(&self, error: &NodeError) {
        let queue = {
            let mut state = self.lock();
            state.queued_bytes = 0;
            std::mem::take(&mut state.queue)
        };
        for outgoing in queue {
            outgoing.reply_to.deliver(Err(error.clone()));
        }
    }

    /// Takes no more messages; what is queued may still be sent.
    pub(crate) fn close(&self) {
        let sender = {
            let mut state = self.lock();
            state.closed = true;
            state.sender.take()
        };
        if let Some(sender) = sender {
            sender.wake();
        }
    }

    /// Whether messages wait to be sent.
    pub(crate) fn has_queued(&self) -> bool {
        !self.lock().queue.is_empty()
    }

    // A panic while the lock is held leaves whole values behind: each method changes the state
    // with operations that do not panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refusal(&self, bytes: usize, limits: Limits) -> Option<NodeError> {
        if self.closed {
            return Some(NodeError::Closed);
        }
        let requests = self.queue.len() + self.pending.len();
        let has_room = requests < limits.requests && self.queued_bytes + bytes <= limits.bytes;
        (!has_room).then_some(NodeError::Overloaded { requests, bytes: self.queued_bytes })
    }
}

#[cfg(test)]
mod tests;
