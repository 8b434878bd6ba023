use tokio::time::Instant;

use crate::call::ReplyTo;
use crate::error::{ConnectionError, NodeError};
use crate::wire::Envelope;

/// A message on its way to the node. Thousands may wait for a node that hangs, so it is to be small.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(super) envelope: Envelope,
    /// What it takes in memory: more than its encoded size.
    pub(super) bytes: usize,
    /// Nobody, once nobody wants to know what becomes of the message: it keeps no call in memory.
    pub(super) reply_to: Option<ReplyTo>,
    /// When the caller gives up. It travels with the message, and a message that is not sent by
    /// then is not sent at all.
    pub(super) deadline: Option<Instant>,
    pub(super) delivery: Delivery,
    /// How often it was handed to a connection.
    pub(super) sends: u8,
    rare: Option<Box<Rare>>,
}

/// What few messages have.
#[derive(Debug, Default)]
struct Rare {
    /// It is not sent earlier, and neither is what is behind it.
    not_before: Option<Instant>,
    /// Why the last connection broke to which it was handed.
    lost: Option<ConnectionError>,
}

/// What a message takes besides the bytes that are sent: itself, with some room because queues grow by
/// doubling and allocators round up.
pub(crate) const MESSAGE_OVERHEAD: usize = 256;
/// The same of an entry of its metadata: two strings, each allocated by itself.
const ENTRY_OVERHEAD: usize = 96;

const _: () = assert!(size_of::<Outgoing>() <= MESSAGE_OVERHEAD);

fn in_memory(envelope: &Envelope, encoded: usize) -> usize {
    encoded + MESSAGE_OVERHEAD + envelope.entries.len() * ENTRY_OVERHEAD
}

impl Outgoing {
    /// A message, and its encoded size.
    pub(crate) fn new(
        envelope: Envelope,
        encoded: usize,
        reply_to: ReplyTo,
        delivery: Delivery,
        deadline: Option<Instant>,
        not_before: Option<Instant>,
    ) -> Self {
        let bytes = in_memory(&envelope, encoded);
        let rare = not_before.map(|at| Box::new(Rare { not_before: Some(at), lost: None }));
        Self { envelope, bytes, reply_to: Some(reply_to), deadline, delivery, sends: 0, rare }
    }

    /// A message of which nobody wants to know what becomes.
    pub(super) fn unawaited(envelope: Envelope) -> Self {
        let bytes = in_memory(&envelope, envelope.encoded_len());
        let delivery = Delivery { answer: Answer::Untold, ..Delivery::default() };
        Self { envelope, bytes, reply_to: None, deadline: None, delivery, sends: 0, rare: None }
    }

    /// Until when it is held back, if it is.
    pub(super) fn held_until(&self) -> Option<Instant> {
        let not_before = self.rare.as_ref()?.not_before?;
        Some(self.deadline.map_or(not_before, |deadline| deadline.min(not_before)))
    }

    /// The connection to which it was handed has broken.
    pub(super) fn set_lost(&mut self, cause: ConnectionError) {
        self.rare.get_or_insert_default().lost = Some(cause);
    }

    /// Why the last connection broke to which it was handed.
    pub(super) fn lost(&self) -> Option<&ConnectionError> {
        self.rare.as_ref()?.lost.as_ref()
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.reply_to.as_ref().is_some_and(ReplyTo::is_wanted)
    }

    /// What becomes of it is this failure, or the loss of a connection to which it was handed before.
    pub(super) fn fail(self, error: &NodeError) {
        let error = self.lost().cloned().map_or_else(|| error.clone(), NodeError::Disconnected);
        if let Some(reply_to) = self.reply_to {
            reply_to.fail(error);
        }
    }
}

/// What is expected of a node after a message, and what may be done with the message on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) answer: Answer,
    /// It does no harm to send the message again when its fate is not known.
    pub(crate) idempotent: bool,
    /// The message takes the place of one of the same method that was not sent yet.
    pub(crate) latest: bool,
    /// Handlers of one client take turns, so an answer says that what was sent before has come.
    pub(crate) ordered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer {
    /// One reply.
    #[default]
    Once,
    /// Any number of replies, until the node says that it is done.
    Stream,
    /// None: the outcome is that the connection took the message.
    Nothing,
    /// None, and nobody wants to know what becomes of the message.
    Untold,
}
