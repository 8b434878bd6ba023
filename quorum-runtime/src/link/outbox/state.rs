//! The steps of which the operations of an outbox are made, under its lock.

use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::pending::{Asked, Awaited};
use super::{Limits, Peer, State};
use crate::call::ReplyTo;
use crate::error::NodeError;
use crate::link::delivery::{Answer, MESSAGE_OVERHEAD, Outgoing};
use crate::wire::{self, Envelope};

/// A queue of this length is looked through for messages whose time is over, even if there is room.
const FAR_BEHIND: usize = 256;
/// So many messages find room without an allocation, once there were so many.
const MOST_KEPT: usize = 1024;

/// Whether a request that nobody waits for any more was handed to the connection, and whether the
/// node was told the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgotten {
    NotAsked,
    Told,
    Untold,
}

impl State {
    /// Why a message finds no room, if it does not.
    #[inline]
    pub(super) fn refusal(&mut self, bytes: usize, limits: Limits) -> Option<NodeError> {
        let fits = |state: &Self| {
            let requests = state.queue.len() + state.pending.len();
            requests < limits.requests && state.bytes + bytes <= limits.bytes && !state.closed
        };
        if self.queue.len() >= FAR_BEHIND || !fits(self) {
            self.drop_overdue();
        }
        if fits(self) {
            return None;
        }
        if self.closed {
            return Some(NodeError::Closed);
        }
        let requests = self.queue.len() + self.pending.len();
        Some(NodeError::Overloaded { requests, bytes: self.bytes })
    }

    /// Drops what has waited for too long. Deadlines are nearly in order, so those at the front do.
    #[cold]
    fn drop_overdue(&mut self) {
        let now = Instant::now();
        let is_overdue = |first: &Outgoing| first.deadline.is_some_and(|deadline| deadline <= now);
        while self.queue.front().is_some_and(is_overdue) {
            self.drop_first();
        }
    }

    /// Whether a request of one byte would find room, or would be refused for another reason.
    pub(super) fn has_room(&self, limits: Limits) -> bool {
        let requests = self.queue.len() + self.pending.len();
        // Where there is nothing, nothing is to be waited for.
        let bytes = if self.bytes == 0 { 0 } else { self.bytes + MESSAGE_OVERHEAD };
        self.closed || (requests < limits.requests && bytes < limits.bytes)
    }

    pub(super) fn enqueue(&mut self, queued: Outgoing) {
        self.bytes += queued.bytes;
        self.queue.push_back(queued);
    }

    /// The first message whose time is not over; the others are told by their own deadlines. `None`
    /// when there is none, and none is to come. If the first is held back, and so all others, the
    /// task is woken when its time has come, or is over.
    pub(super) fn poll_first(&mut self, task: &Context<'_>) -> Poll<Option<Outgoing>> {
        while let Some(first) = self.queue.front_mut() {
            if let Some(until) = first.held_until() {
                ready!(self.hold.poll(until, task));
            }
            if let Some(deadline) = first.deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    self.drop_first();
                    continue;
                }
                // Only a node of ours knows what to do with it.
                first.envelope.timeout = (self.peer == Peer::Ours).then_some(left);
            }
            return Poll::Ready(self.queue.pop_front());
        }
        self.shrink();
        if self.closed { Poll::Ready(None) } else { Poll::Pending }
    }

    /// Gives back what a burst took, once it is over.
    fn shrink(&mut self) {
        if self.queue.capacity() > MOST_KEPT {
            self.queue.shrink_to(MOST_KEPT);
        }
        self.pending.shrink(MOST_KEPT);
    }

    /// The time of the first message is over.
    fn drop_first(&mut self) {
        if let Some(first) = self.queue.pop_front() {
            self.bytes -= first.bytes;
            self.losses.undelivered(first.delivery.answer);
        }
    }

    /// Tells the node to stop a call that it was sent. Beyond the limits, but no more than one for
    /// each request within them.
    pub(super) fn cancel_sent(&mut self, sequence: u64, limits: Limits) {
        match self.peer {
            Peer::Ours => {
                self.enqueue(Outgoing::unawaited(wire::cancel(sequence)));
            }
            // A node that does not say who it is for so long is none of ours.
            Peer::Unknown if self.cancelled.len() < limits.requests => {
                self.cancelled.push(sequence)
            }
            Peer::Unknown | Peer::Other => {}
        }
    }

    /// Takes the unsent message of the same method out of the queue.
    pub(super) fn remove_older(&mut self, newer: &Outgoing) -> Option<Outgoing> {
        let same = |queued: &Outgoing| {
            queued.delivery.latest && queued.envelope.method == newer.envelope.method
        };
        let older = self.queue.iter().rposition(same)?;
        let older = self.queue.remove(older)?;
        self.bytes -= older.bytes;
        Some(older)
    }

    /// Notes who waits for the reply to a request that leaves the queue.
    pub(super) fn remember(&mut self, mut queued: Outgoing) -> Envelope {
        let Some(reply_to) = queued.reply_to.take_if(|reply_to| reply_to.is_wanted()) else {
            self.bytes -= queued.bytes;
            return queued.envelope;
        };
        let (sequence, delivery) = (queued.envelope.sequence, queued.delivery);
        // When the first of several replies comes says nothing about the node.
        if delivery.answer == Answer::Once {
            self.latency.sent(sequence);
        }
        let told = queued.envelope.timeout.is_some();
        let (envelope, awaited) = if delivery.idempotent && delivery.answer == Answer::Once {
            queued.sends += 1;
            queued.reply_to = Some(reply_to);
            (queued.envelope.clone(), Awaited::Again(Box::new(queued)))
        } else {
            self.bytes -= queued.bytes;
            let awaited = match delivery.answer {
                Answer::Stream => Awaited::Stream(reply_to),
                Answer::Once | Answer::Nothing | Answer::Untold => Awaited::Once(reply_to),
            };
            (queued.envelope, awaited)
        };
        let (behind, ordered) = (self.handed.one_ways(), delivery.ordered);
        self.pending.insert(sequence, Asked { awaited, told, ordered, behind });
        envelope
    }

    /// Nobody waits for the reply to a request any more.
    pub(super) fn forget(&mut self, sequence: u64) -> Forgotten {
        let Some(asked) = self.pending.remove(sequence) else {
            self.disown(sequence);
            return Forgotten::NotAsked;
        };
        self.let_go(asked.awaited);
        if asked.told { Forgotten::Told } else { Forgotten::Untold }
    }

    /// A request that is still queued is sent, but does not keep its call alive. That of a call which
    /// is observed does: what becomes of it is told.
    fn disown(&mut self, sequence: u64) {
        // They are nearly in the order of their numbers. One that is missed is let go when it is sent.
        let at = self.queue.binary_search_by_key(&sequence, |queued| queued.envelope.sequence);
        if let Some(queued) = at.ok().and_then(|at| self.queue.get_mut(at)) {
            queued.reply_to.take_if(|reply_to| reply_to.method().is_none());
        }
    }

    /// What is awaited is so no longer: its request will not be sent again.
    pub(super) fn let_go(&mut self, awaited: Awaited) -> Option<ReplyTo> {
        match awaited {
            Awaited::Once(reply_to) | Awaited::Stream(reply_to) => Some(reply_to),
            Awaited::Again(queued) => {
                self.bytes -= queued.bytes;
                queued.reply_to
            }
        }
    }
}
