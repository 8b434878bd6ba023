use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};
use tracing::span::EnteredSpan;

use super::deadline::Deadline;
use super::inbox::{Arrival, Event};
use super::{Context, Inbox, Method, Replied, Reserve};
use crate::error::{NodeError, NodeFailure};
use crate::link::{Answer, Outgoing};
use crate::node::Node;
use crate::observe::{CallOutcome, apart};
use crate::quorum::{NodeId, NodeSet};
use crate::wire::{Entry, Envelope, entries_of};

/// Makes the message for one node of the request; `None` skips the node.
pub(crate) type PerNode<'a, Q> = &'a mut dyn FnMut(&Q, NodeId) -> Option<Q>;

/// Puts a request on the queue of every target, or of those that the reserve lets go first, and
/// returns the message with what gathers the outcomes. A message that is the same for all nodes is
/// encoded once.
pub(crate) fn start<Q: Message>(
    context: &Arc<Context>,
    targets: Arc<[Node]>,
    method: Method,
    request: Request<Q>,
    per_node: Option<PerNode<'_, Q>>,
    reserve: Option<Reserve>,
) -> (Q, Gather) {
    let (metadata, _, message) = request.into_parts();
    let mut gather = Gather::new(context, targets, method, &metadata);
    gather.reserve = reserve.map(Box::new);
    let entries = if metadata.is_empty() { Vec::new() } else { entries_of(&metadata) };
    match per_node {
        None => {
            let mut payload = Bytes::from(message.encode_to_vec());
            let mut others = gather.targets.len();
            gather.send(&entries, |_| {
                others -= 1;
                Some(if others == 0 { std::mem::take(&mut payload) } else { payload.clone() })
            });
        }
        Some(make) => gather.send(&entries, |node| {
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
    /// Contacted nodes of which more may come.
    outstanding: NodeSet,
    /// The messages of a thrifty call that are held back.
    reserve: Option<Box<Reserve>>,
    inbox: Arc<Inbox>,
    /// The outcomes of the nodes that were silent when the deadline had passed.
    overdue: VecDeque<Arrival>,
    deadline: Deadline,
    expired: bool,
    cancelled: bool,
    context: Arc<Context>,
}

impl Gather {
    fn new(
        context: &Arc<Context>,
        targets: Arc<[Node]>,
        method: Method,
        metadata: &MetadataMap,
    ) -> Self {
        let sequence = context.next_sequence();
        let observed = context.scope.call(method.name, sequence, targets.len());
        Self {
            method,
            sequence,
            targets,
            outstanding: NodeSet::new(),
            reserve: None,
            inbox: Arc::new(Inbox::new(observed)),
            overdue: VecDeque::new(),
            deadline: Deadline::new(context, method, metadata),
            expired: false,
            cancelled: false,
            context: Arc::clone(context),
        }
    }

    /// Sends each target its message, if there is one for it.
    fn send(&mut self, entries: &[Entry], mut payload: impl FnMut(NodeId) -> Option<Bytes>) {
        for node in &*Arc::clone(&self.targets) {
            let Some(payload) = payload(node.id()) else {
                continue;
            };
            let envelope = Envelope {
                sequence: self.sequence,
                method: Bytes::from_static(self.method.name.as_bytes()),
                entries: entries.to_vec(),
                payload,
                ..Envelope::default()
            };
            match &mut self.reserve {
                Some(reserve) => {
                    // So that it can take the place of another one at once.
                    node.link().connect();
                    reserve.hold(node, envelope);
                }
                None => self.send_to(node, envelope),
            }
        }
        self.send_needed();
    }

    fn send_to(&mut self, node: &Node, mut envelope: Envelope) {
        self.outstanding.insert(node.id());
        let reply_to = self.inbox.slot(node.id());
        let intercepted = self.context.interceptors.request(node, self.method, &mut envelope);
        let not_before = match intercepted {
            Ok(not_before) => not_before,
            Err(rejected) => return reply_to.fail(rejected),
        };
        let (bytes, limit) = (envelope.encoded_len(), self.context.max_message_size);
        if bytes > limit {
            return reply_to.fail(NodeError::TooLarge { bytes, limit });
        }
        let delivery = self.method.delivery;
        let deadline = self.deadline.for_nodes();
        let outgoing = Outgoing::new(envelope, bytes, reply_to, delivery, deadline, not_before);
        node.link().send(outgoing);
    }

    /// Sends those messages of the reserve that the call can't do without at this moment. Returns
    /// whether there were any.
    fn send_needed(&mut self) -> bool {
        let Some(reserve) = &mut self.reserve else {
            return false;
        };
        let needed = reserve.take_needed();
        let any = !needed.is_empty();
        for (node, envelope) in needed {
            self.send_to(&node, envelope);
        }
        any
    }

    /// The same when nothing has come, and nothing more is to be waited for.
    fn poll_reserve(&mut self, task: &mut Task<'_>) -> Poll<()> {
        loop {
            if self.send_needed() {
                return Poll::Ready(());
            }
            let late = match &mut self.reserve {
                Some(reserve) => reserve.poll_late(&self.context, task),
                None => Poll::Pending,
            };
            ready!(late);
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

    /// The nodes that may still answer, those included that were not contacted yet; right after the
    /// start, all for whom there is a message.
    pub(super) fn outstanding(&self) -> Cow<'_, NodeSet> {
        match &self.reserve {
            None => Cow::Borrowed(&self.outstanding),
            Some(reserve) => Cow::Owned(self.outstanding.iter().chain(reserve.nodes()).collect()),
        }
    }

    pub(super) fn targets(&self) -> &[Node] {
        &self.targets
    }

    /// The time that the call was given, if it has run out.
    pub(super) fn expired(&self) -> Option<Duration> {
        self.expired.then_some(self.deadline.after())
    }

    /// Whether nothing more can come.
    pub(super) fn is_complete(&self) -> bool {
        let all_contacted = self.reserve.as_ref().is_none_or(|reserve| reserve.is_empty());
        self.outstanding.is_empty() && (all_contacted || self.expired)
    }

    /// What this node has replied is none: another is to be contacted in its place.
    pub(super) fn disregard(&mut self, node: NodeId) {
        if let Some(reserve) = &mut self.reserve {
            reserve.failed(node);
        }
    }

    /// The next reply or failure, or `None` when nothing more can come.
    pub(super) fn poll_next(&mut self, task: &mut Task<'_>) -> Poll<Option<Outcome>> {
        loop {
            if self.is_complete() {
                return Poll::Ready(None);
            }
            if let Some(arrival) = self.overdue.pop_front().or_else(|| self.inbox.pop(task)) {
                if let Some(outcome) = self.accept(arrival) {
                    return Poll::Ready(Some(outcome));
                }
                continue;
            }
            if self.deadline.poll(&self.context, task).is_ready() {
                self.expire();
            } else {
                // What was sent to one more node may have failed at once.
                ready!(self.poll_reserve(task));
            }
        }
    }

    /// A node's failure, with the address that a person knows it by.
    pub(super) fn failure(&self, node: NodeId, error: NodeError) -> NodeFailure {
        let address = self.targets.iter().find(|target| target.id() == node).map(Node::address);
        NodeFailure { node, address: address.unwrap_or_default(), error }
    }

    /// What an arrival means for the call; nothing, when its node can't answer any more.
    fn accept(&mut self, Arrival { node, event }: Arrival) -> Option<Outcome> {
        let streams = self.method.delivery.answer == Answer::Stream;
        let more_may_come = streams && matches!(event, Event::Reply(_));
        let is_awaited = if more_may_come {
            self.outstanding.contains(node)
        } else {
            self.outstanding.remove(node)
        };
        if !is_awaited {
            return None;
        }
        let reply = match event {
            Event::Reply(reply) => {
                self.intercept(node, reply).inspect_err(|e| self.observe(node, e))
            }
            Event::Failed(error) => Err(error),
            Event::End if streams => {
                self.disregard(node);
                return None;
            }
            // A peer that does so is broken; whoever waits for its reply must hear of that.
            Event::End => {
                let status = Status::internal("it ended the call without a reply");
                let error = NodeError::Status(status);
                self.observe(node, &error);
                Err(error)
            }
        };
        match &reply {
            Ok(_) => self.reserve.iter_mut().for_each(|reserve| reserve.replied(node)),
            Err(error) => {
                self.tell_failure(node, error);
                self.dismiss(node);
            }
        }
        Some(Outcome { node, reply })
    }

    /// Shows a reply to the interceptors.
    fn intercept(&self, node: NodeId, reply: Replied) -> Result<Replied, NodeError> {
        let interceptors = &self.context.interceptors;
        // That the connection took a one-way message is no reply.
        if interceptors.is_empty() || self.method.delivery.answer == Answer::Nothing {
            return Ok(reply);
        }
        let target = self.targets.iter().find(|target| target.id() == node);
        let target = target.ok_or(NodeError::Closed)?;
        interceptors.reply(target, self.method, reply)
    }

    fn tell_failure(&self, node: NodeId, error: &NodeError) {
        let failure = || self.failure(node, error.clone());
        self.context.interceptors.failure(self.method, failure);
    }

    /// What the node has said does not count. One that may reply several times is asked to stop.
    pub(super) fn dismiss(&mut self, node: NodeId) {
        self.disregard(node);
        if self.outstanding.remove(node)
            && let Some(target) = self.targets.iter().find(|target| target.id() == node)
        {
            target.link().cancel(self.sequence, self.method.delivery.answer);
        }
    }

    /// Tells the observer of a failure that shows in what the node has said.
    pub(super) fn observe(&self, node: NodeId, error: &NodeError) {
        if let Some(call) = self.inbox.observed() {
            call.failed(node, error);
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
                after: self.deadline.after(),
                connection: node.link().state().into_error(),
            };
            if let Some(call) = self.inbox.observed() {
                call.failed(node.id(), &error);
            }
            self.overdue.push_back(Arrival { node: node.id(), event: Event::Failed(error) });
        }
        self.settle();
    }
}

/// A reply of one node, still encoded, or why there is none.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) node: NodeId,
    pub(super) reply: Result<Replied, NodeError>,
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
        let unfinished = self.expired || self.cancelled;
        if self.outstanding.is_empty() && !unfinished {
            return;
        }
        let held = match &self.reserve {
            Some(reserve) if unfinished => reserve.nodes().collect(),
            _ => NodeSet::new(),
        };
        let (sequence, answer) = (self.sequence, self.method.delivery.answer);
        for node in self.targets.iter().filter(|node| !held.contains(node.id())) {
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
