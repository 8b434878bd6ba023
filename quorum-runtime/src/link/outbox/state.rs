//! The steps of which the operations of an outbox are made, under its lock.

use std::task::Context;
use std::time::Duration;

use tokio::time::Instant;

use super::{Awaited, Limits, Peer, Pending, Queued, State};
use crate::call::ReplyTo;
use crate::error::NodeError;
use crate::link::delivery::{Answer, Delivery, Outgoing};
use crate::wire::{self, Envelope};

impl State {
    pub(super) fn refusal(&self, bytes: usize, limits: Limits) -> Option<NodeError> {
        if self.closed {
            return Some(NodeError::Closed);
        }
        let requests = self.queue.len() + self.pending.len();
        let has_room = requests < limits.requests && self.bytes + bytes <= limits.bytes;
        (!has_room).then_some(NodeError::Overloaded { requests, bytes: self.bytes })
    }

    /// Whether a request of one byte would find room, or would be refused for another reason.
    pub(super) fn has_room(&self, limits: Limits) -> bool {
        let requests = self.queue.len() + self.pending.len();
        self.closed || (requests < limits.requests && self.bytes < limits.bytes)
    }

    pub(super) fn enqueue(&mut self, outgoing: Outgoing) {
        self.bytes += outgoing.bytes;
        self.queue.push_back(Queued { outgoing, sends: 0, lost: None });
    }

    /// Whether the first message is held back, and so all others. If so, the task is woken when its
    /// time has come, or is over.
    pub(super) fn is_held(&mut self, task: &Context<'_>) -> bool {
        let first = self.queue.front().map(|queued| &queued.outgoing);
        let until = first.and_then(|first| {
            let not_before = first.not_before?;
            Some(first.deadline.map_or(not_before, |deadline| deadline.min(not_before)))
        });
        self.hold.poll(until, task).is_pending()
    }

    /// The first message whose time is not over, with the time that is left to it. The others are
    /// told by their own deadlines.
    pub(super) fn dequeue(&mut self) -> Option<(Queued, Option<Duration>)> {
        while let Some(queued) = self.queue.pop_front() {
            let left =
                queued.outgoing.deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left != Some(Duration::ZERO) {
                return Some((queued, left));
            }
            self.bytes -= queued.outgoing.bytes;
            self.losses.undelivered(queued.outgoing.delivery.answer);
        }
        None
    }

    /// Tells the node to stop a call that it was sent. Beyond the limits, but no more than one for
    /// each request within them.
    pub(super) fn cancel_sent(&mut self, sequence: u64, limits: Limits) {
        match self.peer {
            Peer::Ours => {
                let envelope = wire::cancel(sequence);
                let bytes = envelope.encoded_len();
                self.enqueue_unawaited(envelope, bytes);
            }
            // A node that does not say who it is for so long is none of ours.
            Peer::Unknown if self.cancelled.len() < limits.requests => {
                self.cancelled.push(sequence)
            }
            Peer::Unknown | Peer::Other => {}
        }
    }

    /// Puts a message at the end of the queue of which nobody wants to know what became.
    pub(super) fn enqueue_unawaited(&mut self, envelope: Envelope, bytes: usize) {
        let delivery = Delivery { answer: Answer::Untold, ..Delivery::default() };
        let reply_to = ReplyTo::nobody();
        let (deadline, not_before) = (None, None);
        self.enqueue(Outgoing { envelope, bytes, reply_to, delivery, deadline, not_before });
    }

    /// Takes the unsent message of the same method out of the queue.
    pub(super) fn remove_older(&mut self, newer: &Outgoing) -> Option<Queued> {
        let same = |queued: &Queued| {
            queued.outgoing.delivery.latest
                && queued.outgoing.envelope.method == newer.envelope.method
        };
        let older = self.queue.iter().rposition(same)?;
        let older = self.queue.remove(older)?;
        self.bytes -= older.outgoing.bytes;
        Some(older)
    }

    /// Notes who waits for the reply to a request that leaves the queue.
    pub(super) fn remember(&mut self, mut queued: Queued) -> Envelope {
        let Outgoing { envelope, bytes, reply_to, delivery, .. } = &queued.outgoing;
        let sequence = envelope.sequence;
        if !reply_to.is_wanted() {
            self.bytes -= bytes;
            return queued.outgoing.envelope;
        }
        // When the first of several replies comes says nothing about the node.
        if delivery.answer == Answer::Once {
            self.latency.sent(sequence);
        }
        let (told, ordered) = (envelope.timeout.is_some(), delivery.ordered);
        let (envelope, awaited) = if delivery.idempotent && delivery.answer == Answer::Once {
            queued.sends += 1;
            (envelope.clone(), Awaited::Again(Box::new(queued)))
        } else {
            self.bytes -= bytes;
            let Outgoing { envelope, reply_to, delivery, .. } = queued.outgoing;
            let awaited = match delivery.answer {
                Answer::Stream => Awaited::Stream(reply_to),
                Answer::Once | Answer::Nothing | Answer::Untold => Awaited::Once(reply_to),
            };
            (envelope, awaited)
        };
        let behind = self.handed.one_ways();
        self.pending.insert(sequence, Pending { awaited, told, behind, ordered });
        envelope
    }

    pub(super) fn forget(&mut self, sequence: u64) -> Option<ReplyTo> {
        Some(match self.pending.remove(&sequence)?.awaited {
            Awaited::Once(reply_to) | Awaited::Stream(reply_to) => reply_to,
            Awaited::Again(queued) => {
                self.bytes -= queued.outgoing.bytes;
                queued.outgoing.reply_to
            }
        })
    }
}
