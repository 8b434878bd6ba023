//! The replicated map: what a node has made of the log, as far as it has executed it.
//!
//! Executing is deterministic: all nodes that have executed the same slots have the same pairs, the same
//! sessions, and have given the same answers. The map is in a file of its own. It is made durable now and
//! then, and the log is trimmed only below what is; so a crash costs no more than executing some slots
//! again.

mod copy;
pub(crate) mod limits;
mod sessions;
mod snapshot;
mod state;

#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use example_support::identity::Identity;
use example_support::store::Store;
use quorum_runtime::host::Disk;

pub(crate) use self::copy::{Copied, Copy};
pub(crate) use self::snapshot::{Reader, Snapshot};
use self::state::{FORMAT, State};
use crate::error::StoreError;
use crate::mutant::{Mutant, Mutation};
use crate::paxos::{Batch, Entry, Outcome};

/// The name of the file in the folder of the node.
pub(crate) const FILE: &str = "map.redb";

/// The map of a node. Its operations wait for the disk. After an error nobody knows what is stored: the
/// process is to end, and the next one finds out.
#[derive(Debug)]
pub(crate) struct Map {
    folder: PathBuf,
    state: State,
    /// What readers read. Held for as long as it takes to look, or to put another store there.
    current: Arc<RwLock<Arc<Store>>>,
    mutation: Mutation,
}

impl Map {
    /// The map in a folder, which is made if it is a new one. A copy that was not finished is removed.
    pub(crate) fn open(
        folder: &Path,
        identity: &Identity,
        new: bool,
        mutation: Mutation,
    ) -> Result<Self, StoreError> {
        let disk = Disk::folder(folder)?;
        copy::remove(&disk)?;
        let store = if new {
            let fill = |transaction: &_| state::fill(transaction, 0, &[]);
            Store::open_or_create(&disk, FILE, FORMAT, identity, fill)?
        } else {
            Store::open(&disk, FILE, FORMAT, identity)?
        };
        let state = State::load(store, mutation)?;
        let current = Arc::new(RwLock::new(Arc::clone(&state.store)));
        Ok(Self { folder: folder.to_owned(), state, current, mutation })
    }

    /// The last slot that is executed; 0 at first.
    pub(crate) fn applied(&self) -> u64 {
        self.state.applied()
    }

    /// The last slot that is executed and stays so in a crash.
    pub(crate) fn durable(&self) -> u64 {
        self.state.durable()
    }

    /// Executes the batches of the next slots, and says what came of their commands. It is not durable
    /// before [`persist`](Self::persist).
    pub(crate) fn execute(
        &mut self,
        slots: &[(u64, Batch)],
    ) -> Result<Vec<Vec<Outcome>>, StoreError> {
        self.state.execute(slots)
    }

    /// Makes durable what was executed.
    pub(crate) fn persist(&mut self) -> Result<(), StoreError> {
        self.state.persist(|_| Ok(()))
    }

    /// Reads the newest state, beside the one who executes.
    pub(crate) fn reader(&self) -> Reader {
        Reader(Arc::clone(&self.current))
    }

    /// The state as of the last slot that is executed.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::new(Arc::clone(&self.state.store))
    }

    /// Puts a finished copy in the place of this map, at once and durably, and says whether it has. Until
    /// then a crash leaves the old map; snapshots of that stay readable.
    ///
    /// A node forgets no slot that it has executed (the floor of the specification): where the copy is
    /// older, what this map is ahead is executed on it from the log; if that was trimmed, the copy is
    /// refused.
    pub(crate) fn adopt(
        &mut self,
        copied: Copied,
        log: impl Fn(u64, u64) -> Result<Vec<Entry>, StoreError>,
    ) -> Result<bool, StoreError> {
        let mut state = copied.into_state();
        if state.applied() < self.applied() && !self.mutation.is(Mutant::NoFloor) {
            if !state.execute_until(self.applied(), log)? {
                return Ok(false);
            }
            state.persist(|_| Ok(()))?;
        }
        let disk = Disk::folder(&self.folder)?;
        disk.rename(copy::FILE, FILE)?;
        disk.sync()?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&state.store);
        self.state = state;
        Ok(true)
    }
}
