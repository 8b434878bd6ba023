use std::fmt;

use crate::error::ConnectionError;

/// How the connection to a node stands.
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
            Self::Idle | Self::Connecting | Self::Connected => None,
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
        }
    }
}
