use std::fmt;

use crate::error::ConnectionError;

/// How the connection to a node stands. Reads as the end of a sentence about the node.
///
/// ```
/// use quorum_runtime::{ConnectionState, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().node(1, nobody()).build()?;
/// let node = manager.node(1)?;
/// assert_eq!(node.connection_state().to_string(), "idle");
///
/// node.read(()).await.unwrap_err();
/// let state = node.connection_state();
/// assert!(!state.is_connected());
/// assert_eq!(state.to_string(), "disconnected: connection refused");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Nothing has been sent yet, so no connection was tried.
    #[default]
    Idle,
    /// A connection is being opened.
    Connecting,
    /// The connection is open.
    Connected,
    /// The last connection broke or could not be opened; the next attempt follows by itself.
    Disconnected(ConnectionError),
    /// The link to the node is closed, and no further connection is opened: the manager
    /// [was closed](crate::Manager::close), or everything that held the node is gone.
    Closed,
}

impl ConnectionState {
    /// Whether requests flow at this moment.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }

    pub(crate) fn into_error(self) -> Option<ConnectionError> {
        match self {
            Self::Disconnected(error) => Some(error),
            Self::Idle | Self::Connecting | Self::Connected | Self::Closed => None,
        }
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("idle"),
            Self::Connecting => f.write_str("connecting"),
            Self::Connected => f.write_str("connected"),
            Self::Disconnected(error) => write!(f, "disconnected: {error}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}
