//! The replicated map: what a node has made of the log, as far as it has executed it.
//!
//! Executing is deterministic: all nodes that have executed the same slots have the same pairs, the same
//! sessions, and have given the same answers. What has changed is in memory at first, and flushed to a file
//! of its own now and then; the log is trimmed only below what was. So a crash costs no more than executing
//! some slots again.

mod changes;
mod copy;
pub(crate) mod limits;
mod persistence;
mod sessions;
mod snapshot;
mod state;
mod stored;
mod view;

#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};

use example_support::identity::Identity;
use example_support::store::Store;
use quorum_runtime::host::Disk;

pub(crate) use self::copy::{Copied, Copy};
pub(crate) use self::persistence::Persistence;
pub(crate) use self::snapshot::Snapshot;
use self::state::{Flush, Flushed, State};
use self::stored::FORMAT;
pub(crate) use self::view::Reader;
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
            let fill = |transaction: &_| stored::fill(transaction, 0, &[]);
            Store::open_or_create(&disk, FILE, FORMAT, identity, fill)?
        } else {
            Store::open(&disk, FILE, FORMAT, identity)?
        };
        Ok(Self { folder: folder.to_owned(), state: State::load(store, mutation)?, mutation })
    }

    /// The last slot that is executed; 0 at first.
    pub(crate) fn applied(&self) -> u64 {
        self.state.applied()
    }

    /// The last slot that is executed and stays so in a crash.
    pub(crate) fn durable(&self) -> u64 {
        self.state.durable()
    }

    /// The slot as of which this map was copied from another node, or 0. What the log of this node has up to
    /// there may have been accepted without being chosen, and is to be forgotten.
    pub(crate) fn base(&self) -> u64 {
        self.state.base
    }

    /// How many bytes have been changed since the last flush began. They are in memory, as are those that
    /// are being flushed.
    fn recent(&self) -> usize {
        self.state.recent()
    }

    /// Executes the batches of the next slots, and says what came of their commands. It is not durable
    /// before it is flushed.
    pub(crate) fn execute(
        &mut self,
        slots: &[(u64, Batch)],
    ) -> Result<Vec<Vec<Outcome>>, StoreError> {
        self.state.execute(slots)
    }

    /// Begins to make durable what was executed; executing may go on meanwhile.
    fn flush(&mut self) -> Flush {
        self.state.flush()
    }

    /// What a flush has made durable.
    fn flushed(&mut self, flushed: Flushed) {
        self.state.flushed(flushed);
    }

    /// Makes durable what was executed, and waits for that.
    pub(crate) fn persist(&mut self) -> Result<(), StoreError> {
        self.state.persist(|_| Ok(()))
    }

    /// Reads the newest state, beside the one who executes.
    pub(crate) fn reader(&self) -> Reader {
        Reader(self.state.view.clone())
    }

    /// The state as of the last slot that is executed.
    pub(crate) fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        Snapshot::new(self.state.stored()?)
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
        self.state.replace(state);
        Ok(true)
    }
}
