//! What can go wrong: at one node, for a whole call, and while building.

mod build;
mod call;
mod node;

pub use build::{BuildError, ConfigurationError, ServeError};
pub use call::{NodeFailure, NotReady, QuorumError, QuorumErrorKind, RpcError, SendError};
pub use node::{ConnectionError, NodeError};

use std::error::Error;

/// What caused all that an error tells of.
pub(crate) fn deepest<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest
}
