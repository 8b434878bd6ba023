//! What an observer is told of an outbox, with its lock released.

use std::borrow::Cow;

use bytes::Bytes;

use super::Outbox;
use crate::observe::{EventKind, Line, Message, Moment, apart};
use crate::wire::Envelope;

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
        self.tell_message(method, sequence, kind, &Bytes::new());
    }

    /// Tells of a message with this payload.
    pub(crate) fn tell_message(
        &self,
        method: impl Into<Cow<'static, str>>,
        sequence: u64,
        kind: EventKind,
        payload: &Bytes,
    ) {
        if self.is_observed() {
            let moment = {
                let state = self.lock();
                Moment { incarnation: state.incarnation, waiting: state.queue.len() }
            };
            self.line.tell_at(moment, method, sequence, kind, payload);
        }
    }

    pub(super) fn tell_queued(&self, envelope: &Envelope) {
        if self.is_observed() {
            apart(|| self.tell(name(envelope), envelope.sequence, EventKind::Queued));
        }
    }

    pub(super) fn tell_sent(&self, envelope: &Envelope) {
        if self.is_observed() {
            apart(|| {
                let message = match envelope.status {
                    Some(_) => Message::answer(envelope),
                    None => Message::asking(envelope),
                };
                let Envelope { sequence, payload, .. } = envelope;
                self.tell_message(name(envelope), *sequence, EventKind::Sent(message), payload);
            });
        }
    }
}

fn name(envelope: &Envelope) -> String {
    String::from_utf8_lossy(&envelope.method).into_owned()
}
