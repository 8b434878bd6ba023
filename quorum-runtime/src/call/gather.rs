use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Future as _;
use prost::Message;
use tokio::time::{Instant, Sleep};
use tonic::Request;

use super::inbox::Arrival;
use super::timeout::timeout_of;
use super::{Context, Inbox, Method};
use crate::error::{NodeError, NodeFailure};
use crate::link::Outgoing;
use crate::node::Node;
use crate::quorum::{NodeId, NodeSet};
use crate::wire::{Envelope, entries_of};

/// Whether nodes answer a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    TwoWay,
    OneWay,
}

/// Puts a request on the queue of every target, and returns the message with what gathers the
/// outcomes. The message is encoded once, whatever the number of targets.
pub(crate) fn start<Q: Message>(
    context: &Arc<Context>,
    targets: Arc<[Node]>,
    method: Method,
    request: Request<Q>,
    direction: Direction,
) -> (Q, Gather) {
    let (metadata, _, message) = request.into_parts();
    let after = timeout_of(&metadata).unwrap_or(context.timeout);
    let envelope = Envelope {
        sequence: context.next_sequence(),
        method: Bytes::from_static(method.name.as_bytes()),
        status: None,
        entries: entries_of(&metadata),
        payload: message.encode_to_vec().into(),
    };
    let gather = Gather {
        method,
        sequence: envelope.sequence,
        outstanding: targets.iter().map(Node::id).collect(),
        inbox: Arc::default(),
        arrived: VecDeque::new(),
        deadline: Deadline { after, at: Instant::now().checked_add(after), sleep: None },
        expired: false,
        context: Arc::clone(context),
        targets,
    };
    gather.send(&envelope, direction);
    (message, gather)
}

/// Gathers what the targets of one call answer: one arrival for each of them, at the latest when
/// the deadline has passed.
#[derive(Debug)]
pub(crate) struct Gather {
    method: Method,
    sequence: u64,
    targets: Arc<[Node]>,
    /// Targets whose outcome has not been taken yet.
    outstanding: NodeSet,
    inbox: Arc<Inbox>,
    arrived: VecDeque<Arrival>,
    deadline: Deadline,
    expired: bool,
    context: Arc<Context>,
}

#[derive(Debug)]
struct Deadline {
    after: Duration,
    /// `None` is further away than the clock can tell.
    at: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Gather {
    pub(super) const fn method(&self) -> Method {
        self.method
    }

    pub(super) fn targets(&self) -> &[Node] {
        &self.targets
    }

    /// The time that the call was given, if it has run out.
    pub(super) fn expired(&self) -> Option<Duration> {
        self.expired.then_some(self.deadline.after)
    }

    /// Whether every target's outcome has been taken.
    pub(super) const fn is_complete(&self) -> bool {
        self.outstanding.is_empty()
    }

    /// The next outcome, or `None` when every target's has been taken.
    pub(super) fn poll_next(&mut self, task: &mut Task<'_>) -> Poll<Option<Arrival>> {
        loop {
            if let Some(arrival) = self.arrived.pop_front() {
                if self.outstanding.remove(arrival.node) {
                    return Poll::Ready(Some(arrival));
                }
                continue;
            }
            if self.outstanding.is_empty() {
                return Poll::Ready(None);
            }
            self.inbox.take(&mut self.arrived, task);
            if !self.arrived.is_empty() {
                continue;
            }
            if self.deadline.poll(&self.context, task).is_pending() {
                return Poll::Pending;
            }
            self.expire();
        }
    }

    /// A node's failure, with the address that a person knows it by.
    pub(super) fn failure(&self, node: NodeId, error: NodeError) -> NodeFailure {
        let address = self.targets.iter().find(|target| target.id() == node).map(Node::address);
        NodeFailure { node, address: address.unwrap_or_default().into(), error }
    }

    fn send(&self, envelope: &Envelope, direction: Direction) {
        let bytes = envelope.encoded_len();
        let limit = self.context.max_message_size;
        for node in &*self.targets {
            let reply_to = self.inbox.slot(node.id());
            if bytes > limit {
                reply_to.deliver(Err(NodeError::TooLarge { bytes, limit }));
                continue;
            }
            node.link().send(Outgoing {
                envelope: envelope.clone(),
                bytes,
                reply_to,
                one_way: direction == Direction::OneWay,
            });
        }
    }

    /// The deadline is the outcome of every node that is still silent.
    fn expire(&mut self) {
        self.expired = true;
        for node in self.targets.iter().filter(|node| self.outstanding.contains(node.id())) {
            let error = NodeError::Deadline {
                after: self.deadline.after,
                connection: node.link().state().into_error(),
            };
            self.arrived.push_back(Arrival { node: node.id(), outcome: Err(error) });
        }
    }
}

impl Deadline {
    fn poll(&mut self, context: &Context, task: &mut Task<'_>) -> Poll<()> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| {
            let _entered = context.runtime.enter();
            Box::pin(tokio::time::sleep_until(at))
        });
        sleep.as_mut().poll(task)
    }
}

impl Drop for Gather {
    /// Nobody waits any more, so no node needs to remember the call: a hung node would remember it
    /// for ever.
    fn drop(&mut self) {
        // In this order: a link that takes the message from its queue after it was told to forget
        // the call sees that it is abandoned, and does not remember it.
        self.inbox.abandon();
        for node in &*self.targets {
            // A node whose outcome was the deadline may still owe a reply.
            if self.expired || self.outstanding.contains(node.id()) {
                node.link().forget(self.sequence);
            }
        }
    }
}
