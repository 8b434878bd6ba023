//! What can go wrong with the data of a node.

use std::io;

use example_support::store;

/// Why the data of a node cannot be used. After it, nobody knows what is stored: the process is to end,
/// and the next one finds out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Redb(Box<redb::Error>),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error("{0}")]
    Corrupt(String),
    /// There is none, and none may be made.
    #[error(
        "this node has no data here: for a node of a new cluster say so with `--new`; one that has lost its \
         data cannot come back under its number, because it has forgotten what it promised"
    )]
    Missing,
}

/// Wraps any error of redb.
pub(crate) fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Redb(Box::new(error.into()))
}

/// What is stored, or was to be, makes no sense.
pub(crate) fn corrupt(what: impl Into<String>) -> StoreError {
    StoreError::Corrupt(what.into())
}
