use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Status};

use super::NodeError;
use crate::quorum::NodeId;

/// One node of a call, and why it gave no reply.
///
/// Reads as `node 2 (127.0.0.1:9002): cannot connect: …`.
///
/// ```
/// use quorum_runtime::{Majority, Manager, NodeError};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(2).await).node(3, nobody()).build()?;
/// let error = manager.register(Majority)?.read(()).all().await.unwrap_err();
/// let failure = &error.failures()[0];
/// assert_eq!((failure.node.get(), &*failure.address), (3, nobody()));
/// assert!(matches!(failure.error, NodeError::Unreachable(_)));
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// use quorum_runtime::{Code, Manager, Status};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().node(1, nobody()).build()?;
/// let error = manager.node(1)?.read(()).await.unwrap_err();
/// assert_eq!(error.method(), "example.Register.Read");
/// assert_eq!(error.failure().node.get(), 1);
/// assert!(error.to_string().ends_with("cannot connect: connection refused"));
/// assert_eq!(Status::from(error).code(), Code::Unavailable);
/// # Ok(())
/// # }
/// ```
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
///
/// Turns into a [`Status`] with the code of [`NodeError::code`] of the first failure.
///
/// ```
/// use quorum_runtime::{Majority, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(2).await).node(3, nobody()).build()?;
/// let error = manager.register(Majority)?.spread(State::new(1, "hello")).await.unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "example.Register.Spread was not sent to 1 of 3 nodes; \
///      node 3 (127.0.0.1:1): cannot connect: connection refused"
/// );
/// assert_eq!(error.failures()[0].node.get(), 3);
/// # Ok(())
/// # }
/// ```
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

    /// The nodes to which the message was not sent, with their causes, in the order in which they
    /// failed.
    #[must_use]
    pub fn failures(&self) -> &[NodeFailure] {
        &self.failures
    }
}

impl From<SendError> for Status {
    fn from(error: SendError) -> Self {
        let code = error.failures.first().map_or(Code::Unknown, |failure| failure.error.code());
        Self::new(code, error.to_string())
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

/// A manager whose nodes did not connect in time. [`Manager::ready`](crate::Manager::ready) gives
/// it.
///
/// ```
/// use std::time::Duration;
/// use quorum_runtime::{Majority, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limit = Duration::from_millis(50);
/// let manager = Manager::builder().node(1, nobody()).timeout(limit).build()?;
/// let error = manager.ready(&Majority).await.unwrap_err();
/// let text = error.to_string();
/// assert!(text.starts_with("no quorum connected within 50ms: 0 of 1 nodes did; node 1 ("));
/// assert_eq!(error.failures().len(), 1);
/// # Ok(())
/// # }
/// ```
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
/// [`QuorumErrorKind`] gives for each kind, so a handler that makes quorum calls passes it on with
/// `?`.
///
/// ```
/// use quorum_runtime::{Code, Majority, Manager, QuorumErrorKind, Status};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(1).await).node(2, nobody()).build()?;
/// let error = manager.register(Majority)?.write(State::new(1, "hello")).await.unwrap_err();
/// assert_eq!(error.method(), "example.Register.Write");
/// assert_eq!(error.kind(), &QuorumErrorKind::NoQuorum);
/// assert!(error.replied() <= 1); // it ends when a majority is ruled out
/// assert_eq!(error.failures()[0].node.get(), 2);
/// assert_eq!(Status::from(error).code(), Code::Unavailable);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct QuorumError {
    pub(crate) method: &'static str,
    pub(crate) kind: QuorumErrorKind,
    pub(crate) replied: usize,
    pub(crate) targets: usize,
    pub(crate) members: usize,
    pub(crate) failures: Vec<NodeFailure>,
}

/// How a quorum call failed.
///
/// ```
/// use quorum_runtime::{Majority, Manager, QuorumErrorKind, Verdict};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let register = Manager::builder().nodes(servers(3).await).build()?.register(Majority)?;
/// let read = register.read(()).decide(|_, _| Verdict::<State>::failed("the term is over"));
/// let error = read.await.unwrap_err();
/// assert_eq!(error.kind(), &QuorumErrorKind::Failed("the term is over".to_owned()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuorumErrorKind {
    /// No quorum can come any more. As a status: [`Code::Unavailable`].
    NoQuorum,
    /// The targets of the call hold no quorum of the members, whatever they reply. The request was
    /// sent to them all the same. As a status: [`Code::FailedPrecondition`].
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

    /// How many members had replied when the call ended.
    #[must_use]
    pub const fn replied(&self) -> usize {
        self.replied
    }

    /// The nodes that failed, with their causes, in the order of their ids. A node that had not
    /// replied when the call ended is not among them, unless the deadline was what ended it.
    #[must_use]
    pub fn failures(&self) -> &[NodeFailure] {
        &self.failures
    }
}

impl fmt::Display for QuorumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, kind, replied, targets, members, failures } = self;
        match kind {
            QuorumErrorKind::TargetsHoldNoQuorum => {
                return write!(
                    f,
                    "{method}: the targets hold no quorum, they are {targets} of {members} members"
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
