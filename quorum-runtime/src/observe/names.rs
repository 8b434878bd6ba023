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
            Self::Started => "started",
            Self::Crashed => "crashed",
            Self::Faulted(_) => "faulted",
            Self::Noted(_) => "noted",
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
            Self::Faulted(_) => "towards",
            Self::Ended { .. }
            | Self::HandlerBegun
            | Self::HandlerReleased
            | Self::HandlerEnded { .. }
            | Self::HandlerStopped { .. }
            | Self::Started
            | Self::Crashed
            | Self::Noted(_) => "for",
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
        NodeError::RequestRejected(_) => "request_rejected",
        NodeError::ReplyRejected(_) => "reply_rejected",
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prost::Message as _;
    use tonic::Status;

    use super::*;
    use crate::error::ConnectionError;

    fn guide() -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/observability.md");
        std::fs::read_to_string(path).expect("the guide")
    }

    #[test]
    fn the_guide_has_a_row_for_every_kind_of_event() {
        let (elapsed, outcome) = (Duration::ZERO, CallOutcome::Done);
        let kinds = [
            EventKind::Called { targets: 0 },
            EventKind::Queued,
            EventKind::Sent(Message::Request),
            EventKind::Received(Message::Request),
            EventKind::Failed(NodeError::Closed),
            EventKind::Ended { outcome, elapsed },
            EventKind::HandlerBegun,
            EventKind::HandlerReleased,
            EventKind::HandlerEnded { elapsed },
            EventKind::HandlerStopped { elapsed },
            EventKind::Connecting,
            EventKind::Connected { number: 1 },
            EventKind::Greeted,
            EventKind::Disconnected(ConnectionError::new("gone")),
            EventKind::CallerCame,
            EventKind::CallerWent,
            EventKind::Started,
            EventKind::Crashed,
            EventKind::Faulted("".into()),
            EventKind::Noted("".into()),
        ];
        let guide = guide();
        let begins = kinds.map(|kind| format!("| `{}` |", kind.name()));
        let section = guide.split("## The events").nth(1).expect("the table");
        let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows.len(), begins.len());
        for (row, begin) in rows.iter().zip(begins) {
            assert!(row.starts_with(&begin), "{begin} {row}");
        }
    }

    #[test]
    fn the_guide_names_every_message_outcome_and_cause() {
        let connection = ConnectionError::new("gone");
        let undecodable = u64::decode(&b"\xff"[..]).expect_err("no number");
        let errors = [
            NodeError::Status(Status::not_found("no such key")),
            NodeError::Unreachable(connection.clone()),
            NodeError::Disconnected(connection),
            NodeError::Deadline { after: Duration::ZERO, connection: None },
            NodeError::Overloaded { requests: 0, bytes: 0 },
            NodeError::TooLarge { bytes: 0, limit: 0 },
            NodeError::Undecodable(undecodable),
            NodeError::Unread { replies: 0 },
            NodeError::Replaced,
            NodeError::Closed,
        ];
        let outcomes = [
            CallOutcome::Done,
            CallOutcome::NoQuorum,
            CallOutcome::Failed,
            CallOutcome::Deadline,
            CallOutcome::Cancelled,
            CallOutcome::Dropped,
        ];
        let messages = [
            Message::Request,
            Message::Reply,
            Message::Error(Code::Unknown),
            Message::End,
            Message::Cancel,
        ];
        let names = errors.iter().map(cause).chain(outcomes.map(CallOutcome::name));
        let guide = guide();
        for name in names.chain(messages.map(Message::name)) {
            assert!(guide.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn codes_are_named_as_grpc_names_them() {
        for number in 0..=16 {
            let code = Code::from_i32(number);
            let words = format!("{code:?}");
            let snake = words.char_indices().fold(String::new(), |mut snake, (at, letter)| {
                if at > 0 && letter.is_uppercase() {
                    snake.push('_');
                }
                snake.extend(letter.to_lowercase());
                snake
            });
            assert_eq!(super::code(code), snake);
        }
    }
}
