mod hold;
mod observed;
mod pending;
mod room;
mod state;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::hold::Hold;
use self::pending::{Asked, Awaited, Pending};
use self::state::Forgotten;
use super::delivery::{Answer, Outgoing};
use super::latency::Latency;
use super::losses::{Handed, Losses};
use crate::call::ReplyTo;
use crate::error::{ConnectionError, NodeError};
use crate::observe::Line;
use crate::wire::{Envelope, Hello};

/// How much one node may owe before further messages to it are refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Messages that wait to be sent, plus those that wait for a reply.
    pub(crate) requests: usize,
    /// What the messages take in memory that wait to be sent, or that may have to be sent again.
    pub(crate) bytes: usize,
}

/// How often a request may be handed to a connection. One that breaks every connection it meets
/// must end some time.
const MAX_SENDS: u8 = 3;

/// Number of a connection of one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

impl Epoch {
    /// Counts up from 1.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// The messages to one node that wait to be sent, and the calls that wait for its replies.
///
/// **Invariant:** the number and the size of what is held are within the limits, whatever the node
/// does. **Invariant:** outcomes are delivered with the lock released.
#[derive(Debug)]
pub(crate) struct Outbox {
    limits: Limits,
    state: Mutex<State>,
    /// Wakes who waits for room.
    room: Notify,
    /// Who sees what becomes of the messages. It is told with the lock released.
    line: Line,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Outgoing>,
    hold: Hold,
    pending: Pending,
    /// What the messages in both take in memory.
    bytes: usize,
    /// The connection that may take messages from the queue.
    connection: Option<Epoch>,
    connections: u64,
    /// The connection's task, when it waits for the next message.
    sender: Option<Waker>,
    latency: Latency,
    peer: Peer,
    incarnation: Option<u64>,
    /// Calls to be stopped once it is known that the node understands that.
    cancelled: Vec<u64>,
    handed: Handed,
    losses: Losses,
    /// Somebody waits for room. Whoever makes room tells them and takes this back.
    room_is_awaited: bool,
    closed: bool,
}

/// Whether the node at the other end of the connection understands our additions to the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Peer {
    /// It has not said so yet; a node of Gorums says nothing before its first reply.
    #[default]
    Unknown,
    Ours,
    Other,
}

impl Outbox {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), room: Notify::new(), line: Line::default() }
    }

    /// Puts a message at the end of the queue, or tells its call why it found no room.
    #[inline]
    pub(crate) fn push(&self, outgoing: Outgoing) {
        self.tell_queued(&outgoing.envelope);
        let mut state = self.lock();
        let replaced = if outgoing.delivery.latest { state.remove_older(&outgoing) } else { None };
        if let Some(error) = state.refusal(outgoing.bytes, self.limits) {
            state.losses.undelivered(outgoing.delivery.answer);
            self.release(state);
            outgoing.fail(&error);
        } else {
            state.enqueue(outgoing);
            self.wake(state);
        }
        if let Some(replaced) = replaced.and_then(|replaced| replaced.reply_to) {
            replaced.fail(NodeError::Replaced);
        }
    }

    /// The next message for this connection; `None` when it is not to send any more, because the
    /// outbox was closed and is empty or because another connection has taken over.
    pub(crate) fn poll_pop(&self, epoch: Epoch, task: &Context<'_>) -> Poll<Option<Envelope>> {
        let mut state = self.lock();
        if state.connection != Some(epoch) {
            return Poll::Ready(None);
        }
        let Poll::Ready(first) = state.poll_first(task) else {
            state.sender = Some(task.waker().clone());
            self.release(state);
            return Poll::Pending;
        };
        let Some(outgoing) = first else {
            return Poll::Ready(None);
        };
        let answer = outgoing.delivery.answer;
        if matches!(answer, Answer::Nothing | Answer::Untold) {
            state.bytes -= outgoing.bytes;
            state.handed.one_way(answer);
            self.release(state);
            self.tell_sent(&outgoing.envelope);
            if let Some(reply_to) = outgoing.reply_to {
                // A one-way message finds room: its inbox holds one outcome for each node.
                let _ = reply_to.reply(Bytes::new());
            }
            return Poll::Ready(Some(outgoing.envelope));
        }
        let envelope = state.remember(outgoing);
        self.release(state);
        self.tell_sent(&envelope);
        Poll::Ready(Some(envelope))
    }

    /// A reply has come: who waits for it? The first reply of a node that replies once takes the
    /// entry away, so a second one finds nobody; so does what `ends` the replies of a stream.
    #[inline]
    pub(crate) fn take(&self, sequence: u64, ends: bool) -> Option<ReplyTo> {
        let mut state = self.lock();
        state.latency.replied(sequence);
        let asked = state.pending.remove(sequence)?;
        if asked.ordered {
            state.handed.arrived(asked.behind);
        }
        let reply_to = match asked.awaited {
            Awaited::Stream(reply_to) if !ends => {
                let awaited = Awaited::Stream(reply_to.clone());
                state.pending.insert(sequence, Asked { awaited, ..asked });
                return Some(reply_to);
            }
            awaited => state.let_go(awaited),
        };
        self.release(state);
        reply_to
    }

    /// Nobody waits for the reply to this call any more.
    pub(crate) fn forget(&self, sequence: u64) {
        let mut state = self.lock();
        state.latency.given_up(sequence);
        state.forget(sequence);
        self.release(state);
    }

    /// The caller's time is over. A node that was not told when that would be is told now.
    pub(crate) fn expire(&self, sequence: u64) {
        let mut state = self.lock();
        state.latency.given_up(sequence);
        if state.forget(sequence) == Forgotten::Untold {
            state.cancel_sent(sequence, self.limits);
        }
        self.wake(state);
    }

    /// Nobody wants to hear more of a call: takes it out of the queue, or tells the node to stop
    /// it, as soon as it is known that the node understands that.
    pub(crate) fn cancel(&self, sequence: u64, answer: Answer) {
        let mut state = self.lock();
        let queued = |queued: &Outgoing| queued.envelope.sequence == sequence;
        if let Some(at) = state.queue.iter().position(queued) {
            let removed = state.queue.remove(at);
            state.bytes -= removed.map_or(0, |queued| queued.bytes);
        } else if state.forget(sequence) != Forgotten::NotAsked || answer == Answer::Nothing {
            state.latency.cancelled(sequence);
            state.cancel_sent(sequence, self.limits);
        }
        self.wake(state);
    }

    /// Answers a request that came the other way. An answer that finds no room is lost; its caller
    /// has a deadline.
    pub(crate) fn answer(&self, envelope: Envelope) {
        let answer = Outgoing::unawaited(envelope);
        let mut state = self.lock();
        if state.refusal(answer.bytes, self.limits).is_none() {
            state.enqueue(answer);
        }
        self.wake(state);
    }

    /// The node has said, on this connection, who it is.
    pub(crate) fn greeted(&self, hello: Hello) {
        let mut state = self.lock();
        state.peer = if hello.ours { Peer::Ours } else { Peer::Other };
        state.incarnation = hello.incarnation;
        for sequence in std::mem::take(&mut state.cancelled) {
            state.cancel_sent(sequence, self.limits);
        }
        self.wake(state);
    }

    /// Wakes the connection's task, with the lock released.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let sender = if state.queue.is_empty() { None } else { state.sender.take() };
        self.release(state);
        if let Some(sender) = sender {
            sender.wake();
        }
    }

    /// How long the node takes to reply, if that is known.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.lock().latency.estimate()
    }

    /// What the node has said of itself.
    pub(crate) fn hello(&self) -> Hello {
        let state = self.lock();
        let ours = state.peer == Peer::Ours;
        Hello { ours, incarnation: state.incarnation, ..Hello::default() }
    }

    /// What became of one-way messages that did not arrive, as far as that is known.
    pub(crate) fn losses(&self) -> Losses {
        self.lock().losses
    }

    /// How long the node may take to reply, at best.
    pub(crate) fn hoped_latency(&self, now: Instant) -> Duration {
        self.lock().latency.hoped(now)
    }

    /// A connection was opened, and may take messages from now on.
    pub(crate) fn attach(&self) -> Epoch {
        let mut state = self.lock();
        state.connections += 1;
        let epoch = Epoch(state.connections);
        state.connection = Some(epoch);
        epoch
    }

    /// The connection is gone. What was handed to it has an unknown fate: it is reported, or waits
    /// to be sent again where that does no harm. What is queued waits behind it.
    pub(crate) fn detach(&self, cause: &ConnectionError) {
        let mut lost = Vec::new();
        let mut state = self.lock();
        state.connection = None;
        state.peer = Peer::Unknown;
        state.cancelled.clear();
        state.latency.interrupted();
        let unconfirmed = state.handed.lost();
        state.losses.unconfirmed(unconfirmed);
        // From the last to the first, because each goes to the front of the queue.
        for asked in state.pending.take_all().rev() {
            match asked.awaited {
                Awaited::Again(mut queued) if queued.sends < MAX_SENDS => {
                    queued.set_lost(cause.clone());
                    state.queue.push_front(*queued);
                }
                awaited => lost.extend(state.let_go(awaited)),
            }
        }
        self.release(state);
        for reply_to in lost.into_iter().rev() {
            reply_to.fail(NodeError::Disconnected(cause.clone()));
        }
    }

    /// An attempt to connect has failed. What waited for it is given up, but for requests that wait
    /// to be sent again: those wait for a connection as long as somebody waits for them.
    pub(crate) fn attempt_failed(&self, error: &NodeError) {
        self.give_up(error, |queued| queued.lost().is_some() && queued.is_wanted());
    }

    /// The link is closed. Everything that is queued is given up.
    pub(crate) fn fail_queued(&self, error: &NodeError) {
        self.give_up(error, |_| false);
    }

    fn give_up(&self, error: &NodeError, keep: impl Fn(&Outgoing) -> bool) {
        let mut state = self.lock();
        let queue = std::mem::take(&mut state.queue).into_iter();
        let (kept, given_up): (Vec<_>, Vec<_>) = queue.partition(keep);
        state.queue = kept.into();
        for queued in &given_up {
            state.bytes -= queued.bytes;
            state.losses.undelivered(queued.delivery.answer);
        }
        self.release(state);
        for outgoing in given_up {
            outgoing.fail(error);
        }
    }

    /// Takes no more messages; what is queued may still be sent.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let sender = state.sender.take();
        self.release(state);
        if let Some(sender) = sender {
            sender.wake();
        }
    }

    /// Another node process is asked from now on: how fast the last one was says nothing of it.
    pub(crate) fn forget_latency(&self) {
        self.lock().latency = Latency::default();
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
