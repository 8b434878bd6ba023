use tokio::time::Instant;

use crate::call::ReplyTo;
use crate::wire::Envelope;

/// A message on its way to the node.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) envelope: Envelope,
    /// Encoded size of the envelope.
    pub(crate) bytes: usize,
    pub(crate) reply_to: ReplyTo,
    pub(crate) delivery: Delivery,
    /// When the caller gives up. It travels with the message, and a message that is not sent by
    /// then is not sent at all.
    pub(crate) deadline: Option<Instant>,
    /// It is not sent earlier, and neither is what is behind it.
    pub(crate) not_before: Option<Instant>,
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
