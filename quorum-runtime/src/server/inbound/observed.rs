//! What an observer is told of the requests of one caller.

use bytes::Bytes;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::Inbound;
use crate::observe::{EventKind, Message, ObservedHandler, apart};
use crate::server::reply::ReplyHead;
use crate::wire::Envelope;

impl<S> Inbound<S> {
    pub(super) fn reply(
        &self,
        metadata: Option<MetadataMap>,
        head: &ReplyHead,
        outcome: Result<Bytes, Status>,
    ) -> Envelope {
        let reply = self.phrasing.reply(metadata, head, outcome);
        self.tell_sent(head, &reply);
        reply
    }

    pub(super) fn tell_sent(&self, head: &ReplyHead, reply: &Envelope) {
        if self.line.is_observed() {
            apart(|| self.tell(head, EventKind::Sent(Message::answer(reply))));
        }
    }

    pub(super) fn tell_received(&self, request: &Envelope) {
        if self.line.is_observed() {
            apart(|| {
                let head = ReplyHead { sequence: request.sequence, method: request.method.clone() };
                self.tell(&head, EventKind::Received(Message::asking(request)));
            });
        }
    }

    pub(super) fn tell_released(&self, head: &ReplyHead) {
        if self.line.is_observed() {
            apart(|| self.tell(head, EventKind::HandlerReleased));
        }
    }

    /// Tells that a handler begins, if that is observed.
    pub(super) fn observe_handler(&self, head: &ReplyHead) -> Option<Box<ObservedHandler>> {
        if !self.line.is_observed() {
            return None;
        }
        apart(|| self.line.handler(self.caller.host.registry.name(&head.method), head.sequence))
    }

    fn tell(&self, head: &ReplyHead, kind: EventKind) {
        let method = self.caller.host.registry.name(&head.method);
        self.line.tell(method, head.sequence, kind);
    }
}
