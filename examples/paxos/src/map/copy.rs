//! A copy of another node's map while it is being made: a store of its own beside that of the node, which
//! stays as it is until the copy takes its place. So a copy that was not finished is no harm, and is
//! removed when the node starts: the file itself is the marker of the specification (4.4, with the second
//! store of 4.8).
//!
//! The pairs are those of a snapshot. What was chosen after it is kept aside, and executed on top at the
//! end.

use std::path::{Path, PathBuf};

use example_support::identity::Identity;
use example_support::store::Store;
use prost::Message as _;
use quorum_runtime::host::Disk;
use redb::{Durability, ReadableTable as _, TableDefinition};

use super::state::{self, FORMAT, MAP, State};
use crate::error::{StoreError, corrupt, failed};
use crate::mutant::{Mutant, Mutation};
use crate::paxos::{Batch, Entry, Pair, Session};

/// The name of its file.
pub(super) const FILE: &str = "copy.redb";

/// From a slot that was chosen after the snapshot to its batch.
const PENDING: TableDefinition<u64, &[u8]> = TableDefinition::new("pending");

/// How many bytes of batches are executed in one transaction.
const GROUP: usize = 1 << 20;

/// A copy that is being made.
#[derive(Debug)]
pub(crate) struct Copy {
    folder: PathBuf,
    store: Store,
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
            state::fill(transaction, slot, sessions)
        })?;
        Ok(Self { folder: folder.to_owned(), store, mutation })
    }

    /// Adds a part of it. What is there already is replaced.
    pub(crate) fn add(&self, commits: &[Entry], pairs: &[Pair]) -> Result<(), StoreError> {
        let mut transaction = self.store.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::None).map_err(failed)?;
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

    /// Executes what was chosen since the snapshot (step 5 of 4.4), and makes all of it durable, with the
    /// name of its file.
    pub(crate) fn finish(self) -> Result<Copied, StoreError> {
        let mut state = State::load(self.store, self.mutation)?;
        loop {
            let group = group(&state)?;
            if group.is_empty() || self.mutation.is(Mutant::CopyWithoutCommits) {
                break;
            }
            state.execute(&group)?;
        }
        state.persist(|transaction| {
            transaction.delete_table(PENDING).map(drop).map_err(Into::into)
        })?;
        Disk::folder(&self.folder)?.sync()?;
        Ok(Copied(state))
    }
}

impl Copied {
    /// The last slot that is executed in it.
    pub(crate) fn applied(&self) -> u64 {
        self.0.applied()
    }

    pub(super) fn into_state(self) -> State {
        self.0
    }
}

/// The next slots to execute.
fn group(state: &State) -> Result<Vec<(u64, Batch)>, StoreError> {
    let read = state.store.begin_read().map_err(failed)?;
    let pending = read.open_table(PENDING).map_err(failed)?;
    let (mut group, mut bytes) = (Vec::new(), 0);
    for row in pending.range(state.applied() + 1..).map_err(failed)? {
        let (slot, batch) = row.map_err(failed)?;
        let (slot, batch) = (slot.value(), batch.value());
        bytes += batch.len();
        let batch = Batch::decode(batch)
            .map_err(|error| corrupt(format!("the batch of slot {slot}: {error}")))?;
        group.push((slot, batch));
        if bytes >= GROUP {
            break;
        }
    }
    Ok(group)
}
