//! Runs that are written by hand, for the tests of what is made of them.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Trace;
use crate::observe::{CallOutcome, Event, EventKind, Message, Process};

/// Events at times in milliseconds.
pub(super) struct Script {
    start: Instant,
    pub(super) events: Vec<Event>,
}

impl Default for Script {
    fn default() -> Self {
        Self { start: Instant::now(), events: Vec::new() }
    }
}

pub(super) fn node_run(node: u32, run: u64) -> Process {
    Process { incarnation: Some(run), ..Process::node(node) }
}

impl Script {
    pub(super) fn at(&mut self, time: u64, at: Process, kind: EventKind) -> &mut Event {
        let time = self.start + Duration::from_millis(time);
        self.events.push(Event { time, ..Event::new(at, kind) });
        self.events.last_mut().expect("it was pushed")
    }

    /// An event of a call of `a.Store.Put`.
    pub(super) fn of_call(
        &mut self,
        time: u64,
        [at, peer]: [Process; 2],
        sequence: u64,
        kind: EventKind,
    ) -> &mut Event {
        let event = self.at(time, at, kind);
        (event.peer, event.sequence, event.method) = (Some(peer), sequence, "a.Store.Put".into());
        event
    }

    pub(super) fn called(&mut self, time: u64, caller: Process, sequence: u64) {
        let event = self.of_call(time, [caller; 2], sequence, EventKind::Called { targets: 2 });
        event.peer = None;
    }

    pub(super) fn ended(&mut self, time: u64, caller: Process, sequence: u64) {
        let (outcome, elapsed) = (CallOutcome::Done, Duration::from_millis(time));
        let kind = EventKind::Ended { outcome, elapsed };
        self.of_call(time, [caller; 2], sequence, kind).peer = None;
    }

    /// A message as both ends see it.
    pub(super) fn message(
        &mut self,
        [sent, received]: [u64; 2],
        [from, to]: [Process; 2],
        sequence: u64,
        message: Message,
    ) {
        let content = Bytes::from_static(b"\x0a\x02k7");
        self.of_call(sent, [from, to], sequence, EventKind::Sent(message)).content =
            content.clone();
        let kind = EventKind::Received(message);
        self.of_call(received, [to, from], sequence, kind).content = content;
    }

    pub(super) fn sent(&mut self, time: u64, ends: [Process; 2], sequence: u64, message: Message) {
        self.of_call(time, ends, sequence, EventKind::Sent(message));
    }

    pub(super) fn handler(&mut self, [begun, ended]: [u64; 2], ends: [Process; 2], sequence: u64) {
        self.of_call(begun, ends, sequence, EventKind::HandlerBegun);
        let elapsed = Duration::from_millis(ended - begun);
        self.of_call(ended, ends, sequence, EventKind::HandlerEnded { elapsed });
    }

    pub(super) fn trace(self) -> Trace {
        Trace::new(self.events)
    }

    /// A write to two nodes, of which one is late; and one of which a request is lost, in a crash.
    pub(super) fn writes() -> Self {
        let mut script = Self::default();
        let (client, nodes) = (Process::run(77), [node_run(1, 10), node_run(2, 20)]);
        script.at(0, Process::default(), EventKind::Noted("the run begins".into()));
        script.called(1, client, 1);
        for (node, far) in nodes.into_iter().zip([0, 7]) {
            script.message([1, 3 + far], [client, node], 1, Message::Request);
            script.handler([3 + far, 4 + far], [node, client], 1);
            script.message([4 + far, 6 + far], [node, client], 1, Message::Reply);
        }
        script.ended(6, client, 1);
        script.called(20, client, 2);
        script.sent(20, [client, nodes[1]], 2, Message::Request);
        script.at(21, Process::node(2), EventKind::Crashed);
        script.message([20, 22], [client, nodes[0]], 2, Message::Request);
        script.message([23, 25], [nodes[0], client], 2, Message::Error(tonic::Code::Aborted));
        script.at(2000, Process::node(2), EventKind::Started);
        script.at(2001, nodes[0], EventKind::Faulted("slowed down".into()));
        script
    }
}
