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
        head: ReplyHead,
        outcome: Result<Bytes, Status>,
    ) -> Envelope {
        let reply = self.phrasing.reply(metadata, head, outcome);
        self.tell_sent(head, &reply);
        reply
    }

    /// A request for a method that is not there is answered at once.
    pub(super) fn refuse_unknown(&self, request: Envelope) -> Envelope {
        let Envelope { sequence, method, .. } = request;
        let name = self.line.is_observed().then(|| self.caller.host.registry.name(&method));
        let reply = self.phrasing.no_method(sequence, method);
        if let Some(name) = name {
            apart(|| self.line.tell(name, sequence, EventKind::Sent(Message::answer(&reply))));
        }
        reply
    }

    pub(super) fn tell_sent(&self, head: ReplyHead, reply: &Envelope) {
        if self.line.is_observed() {
            apart(|| {
                let kind = EventKind::Sent(Message::answer(reply));
                self.line.tell_message(head.method, head.sequence, kind, &reply.payload);
            });
        }
    }

    pub(super) fn tell_received(&self, request: &Envelope) {
        if self.line.is_observed() {
            apart(|| {
                let method = self.caller.host.registry.name(&request.method);
                let kind = EventKind::Received(Message::asking(request));
                self.line.tell_message(method, request.sequence, kind, &request.payload);
            });
        }
    }

    pub(super) fn tell_released(&self, head: ReplyHead) {
        if self.line.is_observed() {
            apart(|| self.tell(head, EventKind::HandlerReleased));
        }
    }

    /// Tells that a handler begins, if that is observed.
    pub(super) fn observe_handler(&self, head: ReplyHead) -> Option<Box<ObservedHandler>> {
        if !self.line.is_observed() {
            return None;
        }
        apart(|| self.line.handler(head.method.into(), head.sequence))
    }

    fn tell(&self, head: ReplyHead, kind: EventKind) {
        self.line.tell(head.method, head.sequence, kind);
    }
}
