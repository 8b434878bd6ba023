use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Status};

use super::NodeError;
use crate::quorum::NodeId;

/// One node of a call, and why it gave no reply.
///
/// Reads as `node 2 (127.0.0.1:9002): cannot connect: …`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("node {node} ({address}): {error}")]
#[non_exhaustive]
pub struct NodeFailure {
    /// The node.
    pub node: NodeId,
    /// Its address, as it was given to the manager.
    pub address: Arc<str>,
    /// What went wrong there.
    #[source]
    pub error: NodeError,
}

/// A call to one node that ended without a reply.
///
/// Turns into a [`Status`] with the code of [`NodeError::code`], so a handler that calls other
/// nodes passes it on with `?`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{method} failed at {failure}")]
pub struct RpcError {
    pub(crate) method: &'static str,
    #[source]
    pub(crate) failure: NodeFailure,
}

impl RpcError {
    /// The full name of the method, as `package.Service.Method`.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// The node and what went wrong there.
    #[must_use]
    pub const fn failure(&self) -> &NodeFailure {
        &self.failure
    }
}

impl From<RpcError> for Status {
    fn from(error: RpcError) -> Self {
        Self::new(error.failure.error.code(), error.to_string())
    }
}

/// A one-way message that was not handed to the connection of every node.
#[derive(Clone, Debug)]
pub struct SendError {
    pub(crate) method: &'static str,
    pub(crate) targets: usize,
    pub(crate) failures: Vec<NodeFailure>,
}

impl SendError {
    /// The full name of the method, as `package.Service.Method`.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// The nodes to which the message was not sent, with their causes.
    #[must_use]
    pub fn failures(&self) -> &[NodeFailure] {
        &self.failures
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, targets, failures } = self;
        write!(f, "{method} was not sent to {} of {targets} nodes", failures.len())?;
        list(f, failures)
    }
}

impl std::error::Error for SendError {}

/// A manager whose nodes did not connect in time.
#[derive(Clone, Debug)]
pub struct NotReady {
    pub(crate) within: Duration,
    pub(crate) connected: usize,
    pub(crate) members: usize,
    pub(crate) failures: Vec<NodeFailure>,
}

impl NotReady {
    /// The nodes that are not connected, with the last cause of each.
    #[must_use]
    pub fn failures(&self) -> &[NodeFailure] {
        &self.failures
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { within, connected, members, failures } = self;
        write!(f, "no quorum connected within {within:?}: {connected} of {members} nodes did")?;
        list(f, failures)
    }
}

impl std::error::Error for NotReady {}

/// A quorum call that ended without a result.
///
/// Reads as one sentence that names the method, how many nodes replied, and each node that failed
/// with its cause; the same is there as data. It turns into a [`Status`] with the code that
/// [`QuorumErrorKind`] gives for each kind.
#[derive(Clone, Debug)]
pub struct QuorumError {
    pub(crate) method: &'static str,
    pub(crate) kind: QuorumErrorKind,
    pub(crate) replied: usize,
    pub(crate) contacted: usize,
    pub(crate) members: usize,
    pub(crate) failures: Vec<NodeFailure>,
}

/// How a quorum call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuorumErrorKind {
    /// No quorum can come any more. As a status: [`Code::Unavailable`].
    NoQuorum,
    /// The nodes that the call contacts hold no quorum of the members, whatever they reply. As a
    /// status: [`Code::FailedPrecondition`].
    TargetsHoldNoQuorum,
    /// The time was up before a quorum came. As a status: [`Code::DeadlineExceeded`].
    Deadline(Duration),
    /// The quorum function returned [`Verdict::Failed`](crate::Verdict::Failed) with this reason.
    /// As a status: [`Code::Aborted`].
    Failed(String),
}

impl QuorumError {
    /// The full name of the method, as `package.Service.Method`.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// How the call failed.
    #[must_use]
    pub const fn kind(&self) -> &QuorumErrorKind {
        &self.kind
    }

    /// How many nodes replied.
    #[must_use]
    pub const fn replied(&self) -> usize {
        self.replied
    }

    /// The nodes that failed, with their causes, in the order of their ids. A node that had not replied when the call ended
    /// is not among them, unless the deadline was what ended it.
    #[must_use]
    pub fn failures(&self) -> &[NodeFailure] {
        &self.failures
    }
}

impl fmt::Display for QuorumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, kind, replied, contacted, members, failures } = self;
        match kind {
            QuorumErrorKind::TargetsHoldNoQuorum => {
                return write!(
                    f,
                    "{method}: the targets hold no quorum, {contacted} of {members} members were to \
                     be contacted"
                );
            }
            QuorumErrorKind::NoQuorum => write!(f, "{method} can reach no quorum")?,
            QuorumErrorKind::Deadline(after) => write!(f, "{method} had no quorum in {after:?}")?,
            QuorumErrorKind::Failed(reason) => write!(f, "{method} failed because {reason}")?,
        }
        write!(f, ": {replied} of {members} nodes replied")?;
        list(f, failures)
    }
}

impl std::error::Error for QuorumError {}

impl From<QuorumError> for Status {
    fn from(error: QuorumError) -> Self {
        let code = match error.kind {
            QuorumErrorKind::NoQuorum => Code::Unavailable,
            QuorumErrorKind::TargetsHoldNoQuorum => Code::FailedPrecondition,
            QuorumErrorKind::Deadline(_) => Code::DeadlineExceeded,
            QuorumErrorKind::Failed(_) => Code::Aborted,
        };
        Self::new(code, error.to_string())
    }
}

/// The rest of a sentence: `; node 1 (…): …; node 2 (…): …`.
fn list(f: &mut fmt::Formatter<'_>, failures: &[NodeFailure]) -> fmt::Result {
    failures.iter().try_for_each(|failure| write!(f, "; {failure}"))
}
