use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Status};

use super::deepest;

/// Why one node gave no reply to one call.
///
/// The variants tell apart what a protocol must tell apart: a node that *said no*, a node that was
/// *never asked*, and a node that *may or may not have acted*. A call acts at most once (Birrell
/// and Nelson: Implementing Remote Procedure Calls, 1984), unless its method says that it is
/// idempotent.
///
/// ```
/// use quorum_runtime::NodeError;
///
/// fn may_have_acted(error: &NodeError) -> bool {
///     matches!(error, NodeError::Disconnected(_) | NodeError::Deadline { .. })
/// }
/// assert!(!may_have_acted(&NodeError::Closed));
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The node answered with this status. A method that it does not have is
    /// [`Code::Unimplemented`].
    #[error("{}", Sentence(.0))]
    Status(Status),

    /// An interceptor of this process rejected the request with this status, so it was not sent.
    #[error("the request was rejected here: {}", Sentence(.0))]
    RequestRejected(Status),

    /// An interceptor of this process, or the call itself, rejected the reply with this status. The
    /// node has handled the request.
    #[error("its reply was rejected: {}", Sentence(.0))]
    ReplyRejected(Status),

    /// No connection could be opened, so the request was not sent.
    #[error("cannot connect: {0}")]
    Unreachable(#[source] ConnectionError),

    /// The connection broke after the request was handed to it: whether the node acted on the
    /// request is not known.
    #[error("the connection was lost: {0}")]
    Disconnected(#[source] ConnectionError),

    /// No reply came within this time. Whether the node has acted on the request, or will, is not
    /// known. If there was no connection to it when the time was up, the second part says why.
    #[error("no reply within {:?}{}", .after, NotConnected(.connection.as_ref()))]
    Deadline {
        /// The time that the call was given.
        after: Duration,
        /// Why the node was not connected when the time was up, if it was not.
        connection: Option<ConnectionError>,
    },

    /// The queue to the node is full, so the request was not sent: the node reads more slowly than
    /// requests come, or not at all.
    #[error("overloaded: {requests} requests and {bytes} bytes already wait for it")]
    Overloaded {
        /// Requests that wait to be sent or to be answered.
        requests: usize,
        /// What the requests take in memory that wait to be sent, or that may have to be sent again.
        bytes: usize,
    },

    /// The request is larger than the limit on messages, so it was not sent.
    #[error("a request of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// Size of the encoded request, in bytes.
        bytes: usize,
        /// The limit in bytes, set by
        /// [`ManagerBuilder::max_message_size`](crate::ManagerBuilder::max_message_size).
        limit: usize,
    },

    /// The node sent bytes that are no reply of this method.
    #[error("sent a reply that cannot be decoded: {0}")]
    Undecodable(#[source] prost::DecodeError),

    /// The node sent more replies to one call than were read: this many waited.
    #[error("its replies are not read: {replies} of them wait")]
    Unread {
        /// Replies that waited to be read.
        replies: usize,
    },

    /// A newer message of the same method took the place of this one before it was sent.
    #[error("a newer message took its place")]
    Replaced,

    /// The link to the node was closed before it could send the request.
    #[error("the link to it is closed")]
    Closed,
}

impl NodeError {
    /// The gRPC code that comes closest.
    ///
    /// ```
    /// use quorum_runtime::{Code, NodeError, Status};
    ///
    /// assert_eq!(NodeError::Status(Status::not_found("no such key")).code(), Code::NotFound);
    /// assert_eq!(NodeError::Closed.code(), Code::Unavailable);
    /// ```
    ///
    /// A status keeps its own code, whoever gave it; `Unreachable`, `Disconnected` and `Closed` are
    /// [`Code::Unavailable`], `Deadline` is [`Code::DeadlineExceeded`], `Overloaded` and `Unread`
    /// are [`Code::ResourceExhausted`], `Replaced` is [`Code::Aborted`], `TooLarge` is
    /// [`Code::OutOfRange`], `Undecodable` is [`Code::Internal`].
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Status(status) | Self::RequestRejected(status) | Self::ReplyRejected(status) => {
                status.code()
            }
            Self::Unreachable(_) | Self::Disconnected(_) | Self::Closed => Code::Unavailable,
            Self::Deadline { .. } => Code::DeadlineExceeded,
            Self::Overloaded { .. } | Self::Unread { .. } => Code::ResourceExhausted,
            Self::Replaced => Code::Aborted,
            Self::TooLarge { .. } => Code::OutOfRange,
            Self::Undecodable(_) => Code::Internal,
        }
    }
}

/// Why there is no connection to a node.
///
/// Reads as its deepest cause, which is what a person can act on ("connection refused"); the whole
/// chain is there as [`Error::source`].
///
/// ```
/// use std::error::Error as _;
/// use quorum_runtime::{ConnectionState, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().node(1, nobody()).build()?;
/// manager.node(1)?.read(()).await.unwrap_err();
/// let ConnectionState::Disconnected(error) = manager.node(1)?.connection_state() else {
///     panic!("nobody listens there");
/// };
/// assert_eq!(error.to_string(), "connection refused");
/// assert!(error.source().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ConnectionError(Arc<dyn Error + Send + Sync>);

impl ConnectionError {
    pub(crate) fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deepest = deepest(&*self.0);
        if let Some(status) = deepest.downcast_ref::<Status>() {
            return Sentence(status).fmt(f);
        }
        #[cfg(feature = "_tls-any")]
        if let Some(text) = crate::tls::explain(deepest) {
            return f.write_str(text);
        }
        match deepest.downcast_ref::<io::Error>().map(io::Error::kind) {
            // The names of the kinds read better in a sentence than "Connection refused (os error
            // 111)".
            Some(kind) if NETWORK.contains(&kind) => kind.fmt(f),
            _ => write!(f, "{deepest}"),
        }
    }
}

/// Kinds of I/O errors whose name says it all.
const NETWORK: [io::ErrorKind; 9] = [
    io::ErrorKind::AddrNotAvailable,
    io::ErrorKind::BrokenPipe,
    io::ErrorKind::ConnectionAborted,
    io::ErrorKind::ConnectionRefused,
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::HostUnreachable,
    io::ErrorKind::NetworkUnreachable,
    io::ErrorKind::NotConnected,
    io::ErrorKind::TimedOut,
];

impl Error for ConnectionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// A status as part of a sentence: `not found: no such key`.
pub(super) struct Sentence<'a>(pub(super) &'a Status);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(status) = self;
        match status.message() {
            "" => write!(f, "{}", status.code().description()),
            message => write!(f, "{} ({:?})", message, status.code()),
        }
    }
}

struct NotConnected<'a>(Option<&'a ConnectionError>);

impl fmt::Display for NotConnected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(cause) => write!(f, ", not connected: {cause}"),
            None => Ok(()),
        }
    }
}
