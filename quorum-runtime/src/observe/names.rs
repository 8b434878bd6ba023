//! The names by which logs and metrics know the vocabulary. They are stable: to change one breaks
//! those who read them.

use tonic::Code;

use super::{CallOutcome, EventKind, Message};
use crate::error::NodeError;

impl EventKind {
    /// The name in logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Called { .. } => "called",
            Self::Queued => "queued",
            Self::Sent(_) => "sent",
            Self::Received(_) => "received",
            Self::Failed(_) => "failed",
            Self::Ended { .. } => "ended",
            Self::HandlerBegun => "handler_begun",
            Self::HandlerReleased => "handler_released",
            Self::HandlerEnded { .. } => "handler_ended",
            Self::HandlerStopped { .. } => "handler_stopped",
            Self::Connecting => "connecting",
            Self::Connected { .. } => "connected",
            Self::Greeted => "greeted",
            Self::Disconnected(_) => "disconnected",
            Self::CallerCame => "caller_came",
            Self::CallerWent => "caller_went",
        }
    }

    /// Why there is no reply, in a word: that of the [`NodeError`], `unreachable` for example, or where
    /// the node answered with a status the name of its code, `not_found` for example. `None` of what
    /// is no failure.
    ///
    /// ```
    /// use quorum_runtime::{EventKind, NodeError, Status};
    ///
    /// let failed = |error| EventKind::Failed(error);
    /// assert_eq!(failed(NodeError::Closed).cause(), Some("closed"));
    /// assert_eq!(failed(NodeError::Status(Status::not_found("no key"))).cause(), Some("not_found"));
    /// assert_eq!(EventKind::Queued.cause(), None);
    /// ```
    #[must_use]
    pub fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Failed(error) => Some(cause(error)),
            Self::Sent(Message::Error(error)) | Self::Received(Message::Error(error)) => {
                Some(code(*error))
            }
            _ => None,
        }
    }

    /// How a sentence goes on to the peer.
    pub(super) const fn preposition(&self) -> &'static str {
        match self {
            Self::Called { .. }
            | Self::Queued
            | Self::Sent(_)
            | Self::Connecting
            | Self::Connected { .. } => "to",
            Self::Received(_) | Self::Disconnected(_) => "from",
            Self::Failed(_) => "at",
            Self::Greeted => "by",
            Self::CallerCame | Self::CallerWent => "of",
            Self::Ended { .. }
            | Self::HandlerBegun
            | Self::HandlerReleased
            | Self::HandlerEnded { .. }
            | Self::HandlerStopped { .. } => "for",
        }
    }
}

impl Message {
    /// The name in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Reply => "reply",
            Self::Error(_) => "error",
            Self::End => "end",
            Self::Cancel => "cancel",
        }
    }
}

impl CallOutcome {
    /// The name in logs, and as a label of metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NoQuorum => "no_quorum",
            Self::Failed => "failed",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::Dropped => "dropped",
        }
    }
}

fn cause(error: &NodeError) -> &'static str {
    match error {
        NodeError::Status(status) => code(status.code()),
        NodeError::Unreachable(_) => "unreachable",
        NodeError::Disconnected(_) => "disconnected",
        NodeError::Deadline { .. } => "deadline",
        NodeError::Overloaded { .. } => "overloaded",
        NodeError::TooLarge { .. } => "too_large",
        NodeError::Undecodable(_) => "undecodable",
        NodeError::Unread { .. } => "unread",
        NodeError::Replaced => "replaced",
        NodeError::Closed => "closed",
    }
}

const fn code(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}
