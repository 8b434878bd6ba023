//! What can go wrong: at one node, for a whole call, and while building.

mod build;
mod call;
mod node;

pub use build::{BuildError, ConfigurationError, ServeError};
pub use call::{NodeFailure, NotReady, QuorumError, QuorumErrorKind, RpcError, SendError};
pub use node::{ConnectionError, NodeError};
