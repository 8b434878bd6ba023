//! The door for `benches/`, under the feature `_bench`: what is measured there and is no business of
//! programs. Nothing here is public, whatever the compiler says.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::task::noop_waker_ref;
use tonic::{Code, Status};

use crate::call::{Inbox, ReplyTo};
use crate::link::outbox::{Epoch, Limits, Outbox};
use crate::link::{Answer, Delivery, Outgoing};
use crate::wire::{Entry, Envelope, RpcStatus};

const METHOD: Bytes = Bytes::from_static(b"register.Register.Write");

/// Bytes that gRPC puts in front of each message.
const PREFIX: usize = 5;

/// A message on the stream.
#[derive(Clone, Debug)]
pub struct Message(Envelope);

impl Message {
    /// A request, as it leaves with a deadline.
    #[must_use]
    pub fn request(payload: Bytes) -> Self {
        let timeout = Some(Duration::from_micros(9_999_871));
        Self(Envelope { sequence: 70_000, method: METHOD, timeout, payload, ..Envelope::default() })
    }

    /// A reply of a node of ours.
    #[must_use]
    pub fn reply(payload: Bytes) -> Self {
        Self(Envelope { sequence: 70_000, payload, ..Envelope::default() })
    }

    /// A reply that says why there is none.
    #[must_use]
    pub fn refusal() -> Self {
        let status = RpcStatus::from(&Status::new(Code::NotFound, "no such register"));
        let mut message = Self::reply(Bytes::new());
        message.0.status = Some(Box::new(status));
        message
    }

    /// The same with so many entries of metadata.
    #[must_use]
    pub fn with_metadata(mut self, entries: usize) -> Self {
        let entry = |number| Entry { key: format!("trace-{number}"), value: "0af7651916cd".into() };
        self.0.entries = (0..entries).map(entry).collect();
        self
    }

    /// Writes it behind what is there.
    pub fn encode(&self, buffer: &mut BytesMut) {
        self.0.write_up_to_payload(buffer);
        buffer.put_slice(&self.0.payload);
    }

    /// Reads it, behind the prefix that gRPC puts in front of it.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn decode(bytes: Bytes) -> Self {
        let message = PREFIX..bytes.len();
        Self(Envelope::decode(&bytes, message, Bytes::new()).expect("an envelope"))
    }
}

/// The requests of one call to a connected node: those that wait to be sent, and those that wait for
/// a reply.
#[derive(Debug)]
pub struct Requests {
    outbox: Outbox,
    epoch: Epoch,
    call: ReplyTo,
}

impl Default for Requests {
    fn default() -> Self {
        let outbox = Outbox::new(Limits { requests: 1 << 20, bytes: 1 << 30 });
        let call = Arc::new(Inbox::default()).slot(1.into());
        Self { epoch: outbox.attach(), outbox, call }
    }
}

impl Requests {
    /// Queues a request.
    pub fn push(&self, sequence: u64) {
        let envelope = Envelope { sequence, method: METHOD, ..Envelope::default() };
        let delivery = Delivery { answer: Answer::Once, ordered: true, ..Delivery::default() };
        let (bytes, reply_to) = (40, self.call.clone());
        self.outbox.push(Outgoing::new(envelope, bytes, reply_to, delivery, None, None));
    }

    /// Takes the next request out of the queue, as the connection does. It waits for its reply then.
    /// Returns whether there was one.
    pub fn pop(&self) -> bool {
        let task = Context::from_waker(noop_waker_ref());
        matches!(self.outbox.poll_pop(self.epoch, &task), Poll::Ready(Some(_)))
    }

    /// A reply has come. Returns whether somebody waited for it.
    pub fn take(&self, sequence: u64) -> bool {
        self.outbox.take(sequence, true).is_some()
    }

    /// Nobody waits for the reply any more.
    pub fn forget(&self, sequence: u64) {
        self.outbox.forget(sequence);
    }
}
