//! Copies of a store, for a node that needs slots which the logs of the others no longer have.

use crate::map::Snapshot;

/// Snapshots that are kept to be compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scrubs;

impl Scrubs {
    pub(crate) fn keep(&self, _id: u64, _snapshot: Snapshot) {}
}

/// Who has asked the leader to trim nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holds;

impl Holds {
    pub(crate) fn is_held(&self) -> bool {
        false
    }
}
