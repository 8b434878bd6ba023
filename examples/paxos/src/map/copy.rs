//! A copy of another node's map while it is being made: a store of its own beside that of the node, which
//! stays as it is until the copy takes its place. So a copy that was not finished is no harm, and is
//! removed when the node starts: the file itself is the marker of the specification (4.4, with the second
//! store of 4.8).
//!
//! The pairs are those of a snapshot. What was chosen after it is kept aside, and executed on top at the
//! end.

use std::path::Path;

use bytes::Bytes;
use example_support::identity::Identity;
use example_support::store::Store;
use quorum_runtime::host::Disk;
use redb::{Durability, ReadableTable, TableDefinition};

use super::state::State;
use super::stored::{self, FORMAT, MAP, Stored};
use crate::error::{StoreError, corrupt, failed};
use crate::mutant::{Mutant, Mutation};
use crate::paxos::{Entry, Pair, Session};

/// The name of its file.
pub(super) const FILE: &str = "copy.redb";

/// From a slot that was chosen after the snapshot to its batch.
const PENDING: TableDefinition<u64, &[u8]> = TableDefinition::new("pending");

/// How many bytes of batches are executed in one transaction.
const GROUP: usize = 1 << 20;

/// After how many parts what was added is synced. All of it at the end would keep the disk from others, who
/// have promises to sync.
const PARTS: u32 = 6;

/// A copy that is being made.
#[derive(Debug)]
pub(crate) struct Copy {
    store: Store,
    parts: u32,
    mutation: Mutation,
}

/// A whole copy, which is durable, but not in its place yet.
#[derive(Debug)]
pub(crate) struct Copied(State);

/// Removes what was left of a copy.
pub(super) fn remove(disk: &Disk) -> Result<(), StoreError> {
    if disk.names()?.iter().any(|name| name == FILE) {
        disk.remove(FILE)?;
    }
    Ok(())
}

impl Copy {
    /// An empty copy of a snapshot as of a slot.
    pub(crate) fn begin(
        folder: &Path,
        identity: &Identity,
        slot: u64,
        sessions: &[Session],
        mutation: Mutation,
    ) -> Result<Self, StoreError> {
        let disk = Disk::folder(folder)?;
        let store = Store::create(&disk, FILE, FORMAT, identity, |transaction| {
            transaction.open_table(PENDING)?;
            stored::fill(transaction, slot, sessions)
        })?;
        Ok(Self { store, parts: 0, mutation })
    }

    /// Adds a part of it. What is there already is replaced.
    pub(crate) fn add(&mut self, commits: &[Entry], pairs: &[Pair]) -> Result<(), StoreError> {
        let mut transaction = self.store.begin_write().map_err(failed)?;
        self.parts += 1;
        if !self.parts.is_multiple_of(PARTS) {
            transaction.set_durability(Durability::None).map_err(failed)?;
        }
        let mut pending = transaction.open_table(PENDING).map_err(failed)?;
        for entry in commits {
            pending.insert(entry.slot, &entry.batch[..]).map_err(failed)?;
        }
        let mut table = transaction.open_table(MAP).map_err(failed)?;
        for pair in pairs {
            table.insert(pair.key.as_bytes(), pair.value.as_bytes()).map_err(failed)?;
        }
        drop((pending, table));
        transaction.commit().map_err(failed)
    }

    /// For [`Mutant::ResumeElsewhere`]: goes on with what is there, as if it were of another snapshot, behind
    /// its last key.
    pub(crate) fn resume(
        folder: &Path,
        identity: &Identity,
        slot: u64,
        mutation: Mutation,
    ) -> Result<(Self, String), StoreError> {
        let store = Store::open(&Disk::folder(folder)?, FILE, FORMAT, identity)?;
        let read = store.begin_read().map_err(failed)?.open_table(MAP).map_err(failed)?;
        let last = ReadableTable::last(&read).map_err(failed)?;
        let last = last.map(|(key, _)| String::from_utf8_lossy(key.value()).into_owned());
        let transaction = store.begin_write().map_err(failed)?;
        stored::fill(&transaction, slot, &[]).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        let copy = Self { store, parts: 0, mutation };
        Ok((copy, last.unwrap_or_default()))
    }

    /// Executes what was chosen since the snapshot (step 5 of 4.4), and makes all of it durable.
    pub(crate) fn finish(self) -> Result<Copied, StoreError> {
        let mut state = State::load(self.store, self.mutation)?;
        let stored = state.stored()?;
        let last = last_pending(&stored)?;
        let commits = |from, to| pending(&stored, from, to, GROUP);
        if self.mutation.is(Mutant::CopyWithoutCommits) {
            state.skip_to(last);
        } else if !state.execute_until(last, commits)? {
            return Err(corrupt("the copy lacks some of what was chosen while it was made"));
        }
        state.base = state.applied();
        let base = state.base;
        state.persist(|transaction| {
            stored::set_base(transaction, base)?;
            Ok(transaction.delete_table(PENDING).map(drop)?)
        })?;
        Ok(Copied(state))
    }
}

impl Copied {
    pub(super) fn into_state(self) -> State {
        self.0
    }
}

/// What was chosen after the snapshot, in these slots.
fn pending(stored: &Stored, from: u64, to: u64, bytes: usize) -> Result<Vec<Entry>, StoreError> {
    let pending = stored.read()?.open_table(PENDING).map_err(failed)?;
    let (mut entries, mut taken) = (Vec::new(), 0);
    for row in pending.range(from..=to).map_err(failed)? {
        let (slot, batch) = row.map_err(failed)?;
        taken += batch.value().len();
        let batch = Bytes::copy_from_slice(batch.value());
        entries.push(Entry { slot: slot.value(), ballot: 0, batch });
        if taken >= bytes {
            break;
        }
    }
    Ok(entries)
}

fn last_pending(stored: &Stored) -> Result<u64, StoreError> {
    let pending = stored.read()?.open_table(PENDING).map_err(failed)?;
    let last = ReadableTable::last(&pending).map_err(failed)?;
    Ok(last.map_or(0, |(slot, _)| slot.value()))
}
