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
use tonic::metadata::MetadataMap;
use tracing::span::EnteredSpan;

use super::inbox::{Arrival, Event};
use super::timeout::timeout_of;
use super::{Context, Inbox, Method};
use crate::error::{NodeError, NodeFailure};
use crate::link::{Answer, Outgoing};
use crate::node::Node;
use crate::observe::{CallOutcome, apart};
use crate::quorum::{NodeId, NodeSet};
use crate::wire::{Envelope, entries_of};

/// Makes the message for one node of the request; `None` skips the node.
pub(crate) type PerNode<'a, Q> = &'a mut dyn FnMut(&Q, NodeId) -> Option<Q>;

/// Puts a request on the queue of every target, and returns the message with what gathers the
/// outcomes. A message that is the same for all nodes is encoded once.
pub(crate) fn start<Q: Message>(
    context: &Arc<Context>,
    targets: Arc<[Node]>,
    method: Method,
    request: Request<Q>,
    per_node: Option<PerNode<'_, Q>>,
) -> (Q, Gather) {
    let (metadata, _, message) = request.into_parts();
    let mut gather = Gather::new(context, targets, method, &metadata);
    let envelope = Envelope {
        sequence: gather.sequence,
        method: Bytes::from_static(method.name.as_bytes()),
        entries: entries_of(&metadata),
        ..Envelope::default()
    };
    match per_node {
        None => {
            let payload = Bytes::from(message.encode_to_vec());
            gather.send(&envelope, |_| Some(payload.clone()));
        }
        Some(make) => gather.send(&envelope, |node| {
            make(&message, node).map(|message| message.encode_to_vec().into())
        }),
    }
    (message, gather)
}

/// Gathers what the contacted nodes of one call answer, until each has answered, has failed, or
/// the deadline has passed.
#[derive(Debug)]
pub(crate) struct Gather {
    method: Method,
    sequence: u64,
    targets: Arc<[Node]>,
    /// Nodes of which more may come.
    outstanding: NodeSet,
    inbox: Arc<Inbox>,
    arrived: VecDeque<Arrival>,
    deadline: Deadline,
    expired: bool,
    cancelled: bool,
    context: Arc<Context>,
}

#[derive(Debug)]
struct Deadline {
    after: Duration,
    /// `None` is further away than the clock can tell.
    at: Option<Instant>,
    /// The nodes are told. A one-way message that does not say so itself has no deadline for those
    /// who handle it: the manager's is how long its sender waits.
    travels: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Gather {
    fn new(
        context: &Arc<Context>,
        targets: Arc<[Node]>,
        method: Method,
        metadata: &MetadataMap,
    ) -> Self {
        let own = timeout_of(metadata);
        let after = own.unwrap_or(context.timeout);
        let at = Instant::now().checked_add(after);
        let travels = own.is_some() || method.delivery.answer != Answer::Nothing;
        let sequence = context.next_sequence();
        let observed = context.scope.call(method.name, sequence, targets.len());
        Self {
            method,
            sequence,
            targets,
            outstanding: NodeSet::new(),
            inbox: Arc::new(Inbox::new(observed)),
            arrived: VecDeque::new(),
            deadline: Deadline { after, at, travels, sleep: None },
            expired: false,
            cancelled: false,
            context: Arc::clone(context),
        }
    }

    /// Sends each target its message, if there is one for it.
    fn send(&mut self, envelope: &Envelope, mut payload: impl FnMut(NodeId) -> Option<Bytes>) {
        let limit = self.context.max_message_size;
        for node in &*self.targets {
            let Some(payload) = payload(node.id()) else {
                continue;
            };
            self.outstanding.insert(node.id());
            let reply_to = self.inbox.slot(node.id());
            let envelope = Envelope { payload, ..envelope.clone() };
            let bytes = envelope.encoded_len();
            if bytes > limit {
                reply_to.fail(NodeError::TooLarge { bytes, limit });
                continue;
            }
            let delivery = self.method.delivery;
            let deadline = self.deadline.at.filter(|_| self.deadline.travels);
            node.link().send(Outgoing { envelope, bytes, reply_to, delivery, deadline });
        }
    }

    /// Asks the nodes that have not answered yet to stop. Those where the message is still queued
    /// are sent nothing.
    pub(super) fn cancel(mut self) {
        self.cancelled = true;
    }

    /// Whoever waits knows how the call ended.
    pub(super) fn end(&self, outcome: impl Into<CallOutcome>) {
        if let Some(call) = self.inbox.observed() {
            apart(|| call.end(outcome.into()));
        }
    }

    /// The span in which the call is awaited, as long as what is returned lives.
    #[inline]
    pub(super) fn enter(&self) -> Option<EnteredSpan> {
        self.inbox.observed().map(|call| apart(|| call.enter()))
    }

    pub(super) const fn method(&self) -> Method {
        self.method
    }

    /// The nodes that may still answer; right after the start, all that were contacted.
    pub(super) const fn outstanding(&self) -> &NodeSet {
        &self.outstanding
    }

    pub(super) fn targets(&self) -> &[Node] {
        &self.targets
    }

    /// The time that the call was given, if it has run out.
    pub(super) fn expired(&self) -> Option<Duration> {
        self.expired.then_some(self.deadline.after)
    }

    /// Whether nothing more can come.
    pub(super) const fn is_complete(&self) -> bool {
        self.outstanding.is_empty()
    }

    /// The next reply or failure, or `None` when nothing more can come.
    pub(super) fn poll_next(&mut self, task: &mut Task<'_>) -> Poll<Option<Outcome>> {
        loop {
            if let Some(arrival) = self.arrived.pop_front() {
                if let Some(outcome) = self.accept(arrival) {
                    return Poll::Ready(Some(outcome));
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

    /// A node's reply as a message.
    pub(super) fn decode<R: Message + Default>(&self, outcome: Outcome) -> Result<R, NodeError> {
        let decoded = R::decode(outcome.reply?).map_err(NodeError::Undecodable);
        if let (Err(error), Some(call)) = (&decoded, self.inbox.observed()) {
            call.failed(outcome.node, error);
        }
        decoded
    }

    /// A node's failure, with the address that a person knows it by.
    pub(super) fn failure(&self, node: NodeId, error: NodeError) -> NodeFailure {
        let address = self.targets.iter().find(|target| target.id() == node).map(Node::address);
        NodeFailure { node, address: address.unwrap_or_default().into(), error }
    }

    /// What an arrival means for the call; nothing, when its node can't answer any more.
    fn accept(&mut self, Arrival { node, event }: Arrival) -> Option<Outcome> {
        if !self.outstanding.contains(node) {
            return None;
        }
        let is_last = match &event {
            Event::Reply(_) => self.method.delivery.answer != Answer::Stream,
            Event::End | Event::Failed(_) => true,
        };
        if is_last {
            self.outstanding.remove(node);
        }
        match event {
            Event::Reply(payload) => Some(Outcome { node, reply: Ok(payload) }),
            Event::Failed(error) => Some(Outcome { node, reply: Err(error) }),
            Event::End => None,
        }
    }

    /// The caller knows, or does not want to know, what becomes of every node.
    fn settle(&self) {
        if let Some(call) = self.inbox.observed() {
            call.settle();
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
            if let Some(call) = self.inbox.observed() {
                call.failed(node.id(), &error);
            }
            self.arrived.push_back(Arrival { node: node.id(), event: Event::Failed(error) });
        }
        self.settle();
    }
}

/// A reply of one node, still encoded, or why there is none.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) node: NodeId,
    pub(super) reply: Result<Bytes, NodeError>,
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
        if let Some(call) = self.inbox.observed() {
            apart(|| call.abandon(self.cancelled));
        }
        let (sequence, answer) = (self.sequence, self.method.delivery.answer);
        for node in &*self.targets {
            let owes = self.outstanding.contains(node.id());
            // A node that replies several times would go on for ever.
            if self.cancelled || ((owes || self.expired) && answer == Answer::Stream) {
                node.link().cancel(sequence, answer);
            } else if self.expired {
                // A node whose outcome was the deadline may still owe a reply.
                node.link().expire(sequence);
            } else if owes {
                node.link().forget(sequence);
            }
        }
    }
}
