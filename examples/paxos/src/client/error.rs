//! Why a client has no answer, and whether its command may have been executed all the same.

use std::fmt;
use std::time::Duration;

use quorum_runtime::{ConfigurationError, RpcError};

use crate::map::limits::Refused;

/// Why a client has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("{0}; nothing was sent")]
    Limit(#[from] Refused),
    #[error("not executed: {0}")]
    Refused(#[source] RpcError),
    #[error(
        "not executed: no leader was found within {after:?}{}; try again when a majority is up",
        Last(last)
    )]
    NoLeader { after: Duration, last: Option<RpcError> },
    #[error(
        "executed or not, or yet to be: no answer within {after:?}{}; a read tells",
        Last(last)
    )]
    Unknown { after: Duration, last: Option<RpcError> },
    #[error(
        "executed once or not at all: the session was closed before this was answered, because too many \
         others were opened; a read tells"
    )]
    Expired,
    #[error("{0}")]
    Node(#[from] RpcError),
    #[error("{0}")]
    NoSuchNode(#[from] ConfigurationError),
}

impl ClientError {
    /// Whether nothing was executed, and never will be.
    pub(crate) const fn is_without_effect(&self) -> bool {
        !matches!(self, Self::Unknown { .. } | Self::Expired | Self::Node(_))
    }
}

/// What the last node said, as the end of a sentence.
struct Last<'a>(&'a Option<RpcError>);

impl fmt::Display for Last<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |error| write!(f, " ({error})"))
    }
}
