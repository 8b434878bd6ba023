//! What an observer is told of an outbox, with its lock released.

use std::borrow::Cow;

use super::Outbox;
use crate::link::delivery::Outgoing;
use crate::observe::{EventKind, Line, Message, Moment};

/// A message that has left the queue.
pub(super) struct Sent {
    method: Cow<'static, str>,
    sequence: u64,
    message: Message,
}

impl Sent {
    pub(super) fn of(outgoing: &Outgoing) -> Self {
        let envelope = &outgoing.envelope;
        let message = match envelope.status {
            Some(_) => Message::answer(envelope),
            None => Message::asking(envelope),
        };
        Self { method: method_of(outgoing), sequence: envelope.sequence, message }
    }
}

impl Outbox {
    pub(crate) fn observed(self, line: Line) -> Self {
        Self { line, ..self }
    }

    pub(crate) const fn is_observed(&self) -> bool {
        self.line.is_observed()
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> u64 {
        self.lock().connections
    }

    /// Tells that something happened between this process and the node.
    pub(crate) fn tell(
        &self,
        method: impl Into<Cow<'static, str>>,
        sequence: u64,
        kind: EventKind,
    ) {
        if self.is_observed() {
            let moment = {
                let state = self.lock();
                Moment { incarnation: state.incarnation, waiting: state.queue.len() }
            };
            self.line.tell_at(moment, method, sequence, kind);
        }
    }

    pub(super) fn tell_of(&self, outgoing: &Outgoing, kind: EventKind) {
        if self.is_observed() {
            self.tell(method_of(outgoing), outgoing.envelope.sequence, kind);
        }
    }

    pub(super) fn tell_sent(&self, sent: Option<Sent>) {
        if let Some(Sent { method, sequence, message }) = sent {
            self.tell(method, sequence, EventKind::Sent(message));
        }
    }
}

fn method_of(outgoing: &Outgoing) -> Cow<'static, str> {
    match outgoing.reply_to.method() {
        Some(method) => method.into(),
        None => String::from_utf8_lossy(&outgoing.envelope.method).into_owned().into(),
    }
}
