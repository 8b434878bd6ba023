use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use bytes::Bytes;

use super::arrivals::Arrivals;
use crate::error::NodeError;
use crate::observe::ObservedCall;
use crate::quorum::NodeId;
use crate::wire::Entry;

/// Replies of one call that may wait to be read. It matters to calls whose nodes reply several
/// times; where each replies once, the inbox is bounded by their number.
pub(crate) const MAX_UNREAD: usize = 4096;
/// Bytes of such replies. At the limit a node that already has a reply there gets no further one in.
const MAX_UNREAD_BYTES: usize = 16 * 1024 * 1024;

/// Where the outcomes of one call arrive.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    abandoned: AtomicBool,
    observed: Option<Box<ObservedCall>>,
}

#[derive(Debug, Default)]
struct State {
    arrived: Arrivals,
    /// Of the replies in it.
    bytes: usize,
    reader: Option<Waker>,
}

/// Something that came from one node of a call.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) node: NodeId,
    pub(crate) event: Event,
}

impl Arrival {
    /// What a reply takes in memory.
    fn bytes(&self) -> usize {
        match &self.event {
            Event::Reply(reply) => reply.bytes(),
            Event::End | Event::Failed(_) => 0,
        }
    }
}

#[derive(Debug)]
pub(crate) enum Event {
    /// A call whose nodes reply once needs nothing more.
    Reply(Replied),
    /// A node that replies several times has sent its last reply.
    End,
    /// There will be no further reply, for this reason.
    Failed(NodeError),
}

/// A reply as it came: encoded, with its metadata.
#[derive(Debug)]
pub(crate) struct Replied {
    pub(crate) payload: Bytes,
    pub(crate) entries: Vec<Entry>,
}

impl Replied {
    /// What it takes in memory.
    fn bytes(&self) -> usize {
        let bytes = |entry: &Entry| size_of::<Entry>() + entry.key.len() + entry.value.len();
        self.payload.len() + self.entries.iter().map(bytes).sum::<usize>()
    }
}

impl From<Bytes> for Replied {
    fn from(payload: Bytes) -> Self {
        Self { payload, entries: Vec::new() }
    }
}

impl Inbox {
    pub(crate) fn new(observed: Option<Box<ObservedCall>>) -> Self {
        Self { observed, ..Self::default() }
    }

    /// The call as its observer sees it, if it has one.
    pub(crate) fn observed(&self) -> Option<&ObservedCall> {
        self.observed.as_deref()
    }

    /// Where this node's outcome is to be delivered.
    pub(crate) fn slot(self: &Arc<Self>, node: NodeId) -> ReplyTo {
        ReplyTo { inbox: Arc::clone(self), node }
    }

    /// The oldest of what has arrived. If that is nothing, the task is woken when something comes.
    pub(crate) fn pop(&self, task: &Context<'_>) -> Option<Arrival> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let arrival = state.arrived.pop();
        match &arrival {
            Some(arrival) => state.bytes -= arrival.bytes(),
            None => state.reader = Some(task.waker().clone()),
        }
        arrival
    }

    /// Nobody waits any more. What has arrived is dropped, as messages that wait for a hung node may
    /// keep the inbox for long.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let first = state.arrived.pop();
        let others = (state.arrived.len() > 0).then(|| std::mem::take(&mut state.arrived));
        drop(state);
        drop((first, others));
    }

    /// Returns whether there was room. What ends a node's part of the call always finds room.
    fn deliver(&self, arrival: Arrival) -> bool {
        let reader = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes = arrival.bytes();
            if matches!(arrival.event, Event::Reply(_)) && !state.has_room(arrival.node, bytes) {
                return false;
            }
            state.bytes += bytes;
            state.arrived.push(arrival);
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
        true
    }
}

impl State {
    /// The first reply of a node finds room whatever its size, so that a call whose nodes reply once
    /// loses none.
    fn has_room(&self, node: NodeId, bytes: usize) -> bool {
        self.arrived.len() < MAX_UNREAD
            && (self.bytes + bytes <= MAX_UNREAD_BYTES
                || self.arrived.iter().all(|arrival| arrival.node != node))
    }
}

/// The right to deliver what comes from one node to a call. Delivering to a call that nobody waits
/// for any more does nothing.
#[derive(Clone, Debug)]
pub(crate) struct ReplyTo {
    inbox: Arc<Inbox>,
    node: NodeId,
}

impl ReplyTo {
    /// The node's reply, or its next one. Returns whether there was room for it.
    #[must_use]
    pub(crate) fn reply(&self, reply: impl Into<Replied>) -> bool {
        self.deliver(Event::Reply(reply.into()))
    }

    /// The node has sent its last reply.
    pub(crate) fn end(self) {
        self.deliver(Event::End);
    }

    /// No further reply will come from the node.
    pub(crate) fn fail(self, error: NodeError) {
        if let Some(call) = self.inbox.observed() {
            call.failed(self.node, &error);
        }
        self.deliver(Event::Failed(error));
    }

    fn deliver(&self, event: Event) -> bool {
        !self.is_wanted() || self.inbox.deliver(Arrival { node: self.node, event })
    }

    /// The method, where the call is observed.
    pub(crate) fn method(&self) -> Option<&'static str> {
        self.inbox.observed().map(ObservedCall::method)
    }

    /// Whether somebody still waits for the outcome.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.inbox.abandoned.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many such replies of one node wait before there is no room for more.
    fn room_for(reply: impl Fn() -> Replied) -> usize {
        let inbox = Arc::new(Inbox::default());
        let node = inbox.slot(1.into());
        std::iter::repeat_with(|| node.reply(reply())).take_while(|had_room| *had_room).count()
    }

    #[test]
    fn replies_that_wait_are_limited_in_number_and_in_bytes_metadata_included() {
        assert_eq!(room_for(|| Bytes::new().into()), MAX_UNREAD);
        let half = || Bytes::from(vec![0; MAX_UNREAD_BYTES / 2]);
        assert_eq!(room_for(|| half().into()), 2);
        let value = "v".repeat(MAX_UNREAD_BYTES / 4);
        let entry = || Entry { key: "k".to_owned(), value: value.clone() };
        let with_metadata = || Replied { payload: Bytes::new(), entries: vec![entry()] };
        assert_eq!(room_for(with_metadata), 3);
    }

    #[test]
    fn what_was_read_makes_room_and_what_is_abandoned_is_dropped() {
        let (inbox, task) = (Arc::new(Inbox::default()), Context::from_waker(Waker::noop()));
        let payload = Bytes::from(vec![0; MAX_UNREAD_BYTES / 8]);
        let node = inbox.slot(1.into());
        for _ in 0..8 {
            assert!(node.reply(payload.clone()));
        }
        assert!(!node.reply(payload.clone()));
        assert!(inbox.pop(&task).is_some());
        assert!(node.reply(payload.clone()));
        assert!(!node.reply(payload.clone()));
        inbox.abandon();
        assert!(payload.is_unique(), "no reply keeps it");
        assert!(node.reply(payload.clone()) && payload.is_unique());
    }

    #[test]
    fn the_first_reply_of_a_node_finds_room_whatever_its_size() {
        let large = || Bytes::from(vec![0; 2 * MAX_UNREAD_BYTES]);
        assert_eq!(room_for(|| large().into()), 1);
    }
}
