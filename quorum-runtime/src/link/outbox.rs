mod hold;
mod observed;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::hold::Hold;
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
    /// Bytes of the messages that wait to be sent, or that may have to be sent again.
    pub(crate) bytes: usize,
}

/// How often a request may be handed to a connection. One that breaks every connection it meets
/// must end some time.
const MAX_SENDS: u32 = 3;

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
    queue: VecDeque<Queued>,
    hold: Hold,
    /// Who waits for which sequence number. Ordered, so that a lost connection is reported, and
    /// requests are sent again, in the order of the calls.
    pending: BTreeMap<u64, Pending>,
    /// Bytes of the messages in both.
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

#[derive(Debug)]
struct Queued {
    outgoing: Outgoing,
    /// How often it was handed to a connection before, and why the last of them broke.
    sends: u32,
    lost: Option<ConnectionError>,
}

/// A request that was handed to the connection and may still be answered.
#[derive(Debug)]
struct Pending {
    awaited: Awaited,
    /// The node was told the deadline.
    told: bool,
    /// How many one-way messages were handed to the connection before.
    behind: u64,
    ordered: bool,
}

#[derive(Debug)]
enum Awaited {
    Once(ReplyTo),
    Stream(ReplyTo),
    /// The whole request, which is sent again when the connection breaks.
    Again(Box<Queued>),
}

impl Outbox {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), room: Notify::new(), line: Line::default() }
    }

    /// Puts a message at the end of the queue, or tells its call why it found no room.
    pub(crate) fn push(&self, outgoing: Outgoing) {
        self.tell_queued(&outgoing.envelope);
        let mut state = self.lock();
        let replaced = if outgoing.delivery.latest { state.remove_older(&outgoing) } else { None };
        let refusal = state.refusal(outgoing.bytes, self.limits);
        let mut sender = None;
        let refused = match refusal {
            Some(error) => {
                state.losses.undelivered(outgoing.delivery.answer);
                Some((outgoing.reply_to, error))
            }
            None => {
                state.enqueue(outgoing);
                sender = state.sender.take();
                None
            }
        };
        self.release(state);
        if let Some(sender) = sender {
            sender.wake();
        }
        if let Some(replaced) = replaced {
            replaced.outgoing.reply_to.fail(NodeError::Replaced);
        }
        if let Some((reply_to, error)) = refused {
            reply_to.fail(error);
        }
    }

    /// The next message for this connection; `None` when it is not to send any more, because the
    /// outbox was closed and is empty or because another connection has taken over.
    pub(crate) fn poll_pop(&self, epoch: Epoch, task: &Context<'_>) -> Poll<Option<Envelope>> {
        let mut state = self.lock();
        if state.connection != Some(epoch) {
            return Poll::Ready(None);
        }
        if state.is_held(task) {
            state.sender = Some(task.waker().clone());
            return Poll::Pending;
        }
        let Some((mut queued, left)) = state.dequeue() else {
            if state.closed {
                return Poll::Ready(None);
            }
            state.sender = Some(task.waker().clone());
            self.release(state);
            return Poll::Pending;
        };
        // Only a node of ours knows what to do with it.
        queued.outgoing.envelope.timeout = left.filter(|_| state.peer == Peer::Ours);
        let answer = queued.outgoing.delivery.answer;
        if matches!(answer, Answer::Nothing | Answer::Untold) {
            state.bytes -= queued.outgoing.bytes;
            state.handed.one_way(answer);
            self.release(state);
            self.tell_sent(&queued.outgoing.envelope);
            // A one-way message finds room: its inbox holds one outcome for each node.
            let _ = queued.outgoing.reply_to.reply(Bytes::new());
            return Poll::Ready(Some(queued.outgoing.envelope));
        }
        let envelope = state.remember(queued);
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
        let State { pending, handed, .. } = &mut *state;
        let pending = pending.get(&sequence)?;
        if pending.ordered {
            handed.arrived(pending.behind);
        }
        if let Awaited::Stream(reply_to) = &pending.awaited
            && !ends
        {
            return Some(reply_to.clone());
        }
        let reply_to = state.forget(sequence);
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
        let told = state.pending.get(&sequence).is_none_or(|pending| pending.told);
        state.forget(sequence);
        if !told {
            state.cancel_sent(sequence, self.limits);
        }
        self.wake(state);
    }

    /// Nobody wants to hear more of a call: takes it out of the queue, or tells the node to stop
    /// it, as soon as it is known that the node understands that.
    pub(crate) fn cancel(&self, sequence: u64, answer: Answer) {
        let mut state = self.lock();
        let queued = |queued: &Queued| queued.outgoing.envelope.sequence == sequence;
        if let Some(at) = state.queue.iter().position(queued) {
            let removed = state.queue.remove(at);
            state.bytes -= removed.map_or(0, |queued| queued.outgoing.bytes);
        } else if state.forget(sequence).is_some() || answer == Answer::Nothing {
            state.latency.cancelled(sequence);
            state.cancel_sent(sequence, self.limits);
        }
        self.wake(state);
    }

    /// Answers a request that came the other way. An answer that finds no room is lost; its caller
    /// has a deadline.
    pub(crate) fn answer(&self, envelope: Envelope) {
        let mut state = self.lock();
        let bytes = envelope.encoded_len();
        if state.refusal(bytes, self.limits).is_none() {
            state.enqueue_unawaited(envelope, bytes);
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
        for pending in std::mem::take(&mut state.pending).into_values().rev() {
            match pending.awaited {
                Awaited::Once(reply_to) | Awaited::Stream(reply_to) => lost.push(reply_to),
                Awaited::Again(queued) if queued.sends >= MAX_SENDS => {
                    state.bytes -= queued.outgoing.bytes;
                    lost.push(queued.outgoing.reply_to);
                }
                Awaited::Again(mut queued) => {
                    queued.lost = Some(cause.clone());
                    state.queue.push_front(*queued);
                }
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
        self.give_up(error, |queued| queued.lost.is_some() && queued.outgoing.reply_to.is_wanted());
    }

    /// The link is closed. Everything that is queued is given up.
    pub(crate) fn fail_queued(&self, error: &NodeError) {
        self.give_up(error, |_| false);
    }

    fn give_up(&self, error: &NodeError, keep: impl Fn(&Queued) -> bool) {
        let mut state = self.lock();
        let queue = std::mem::take(&mut state.queue).into_iter();
        let (kept, given_up): (Vec<_>, Vec<_>) = queue.partition(keep);
        state.queue = kept.into();
        for Queued { outgoing, .. } in &given_up {
            state.bytes -= outgoing.bytes;
            state.losses.undelivered(outgoing.delivery.answer);
        }
        self.release(state);
        for Queued { outgoing, lost, .. } in given_up {
            outgoing.reply_to.fail(lost.map_or_else(|| error.clone(), NodeError::Disconnected));
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

    /// Waits until one more request would find room, or until the outbox is closed.
    pub(crate) async fn room(&self) {
        let mut room = pin!(self.room.notified());
        loop {
            // Before the look at the queue, so that no change after it is missed.
            room.as_mut().enable();
            if !self.is_full_and_awaited() {
                return;
            }
            room.as_mut().await;
            room.set(self.room.notified());
        }
    }

    /// Whether one more request would find room, or there is nothing to wait for.
    pub(crate) fn has_room(&self) -> bool {
        self.lock().has_room(self.limits)
    }

    /// Whether there is no room, which somebody waits for in that case.
    fn is_full_and_awaited(&self) -> bool {
        let mut state = self.lock();
        let is_full = !state.has_room(self.limits);
        state.room_is_awaited |= is_full;
        is_full
    }

    /// Whether messages wait to be sent.
    pub(crate) fn has_queued(&self) -> bool {
        !self.lock().queue.is_empty()
    }

    /// Releases the lock after something has left, and tells who waits for room.
    fn release(&self, mut state: MutexGuard<'_, State>) {
        let tell = state.room_is_awaited && state.has_room(self.limits);
        if tell {
            state.room_is_awaited = false;
        }
        drop(state);
        if tell {
            self.room.notify_waiters();
        }
    }

    // A panic while the lock is held leaves whole values behind: each method changes the state
    // with operations that do not panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
