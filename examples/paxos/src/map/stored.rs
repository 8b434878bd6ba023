//! The map on disk: the pairs, the sessions, and how far the log is executed, in one store.
//!
//! All three change in one transaction, so whatever the store goes back to in a crash is the state as of
//! one slot, and executing the log from there makes the same state again.

use std::sync::{Mutex, PoisonError};

use example_support::store::Store;
use redb::{
    Durability, ReadTransaction, ReadableTable as _, ReadableTableMetadata as _, TableDefinition,
    WriteTransaction,
};

use super::changes::Changes;
use crate::error::{StoreError, corrupt, failed};
use crate::paxos::Session;

/// What this version of the program writes.
pub(super) const FORMAT: &str = "paxos map 1";

/// From a key to its value.
pub(super) const MAP: TableDefinition<&[u8], &[u8]> = TableDefinition::new("map");

/// From the number of a session to the encoded `Session`.
const SESSIONS: TableDefinition<u64, &[u8]> = TableDefinition::new("sessions");

/// [`APPLIED`] and [`BASE`], and their slots.
const STATE: TableDefinition<&str, u64> = TableDefinition::new("state");

/// The last slot that is executed.
const APPLIED: &str = "applied";

/// The slot as of which the map was copied. What the log of this node has before may not be what was chosen.
const BASE: &str = "base";

/// A store, and as of which slot it is. Whoever writes holds the lock.
#[derive(Debug)]
pub(super) struct Stored {
    store: Store,
    written: Mutex<u64>,
}

/// Makes the state as of a slot, but for its keys.
pub(super) fn fill(
    transaction: &WriteTransaction,
    applied: u64,
    sessions: &[Session],
) -> Result<(), redb::Error> {
    transaction.open_table(MAP)?;
    transaction.open_table(STATE)?.insert(APPLIED, applied)?;
    let mut table = transaction.open_table(SESSIONS)?;
    for session in sessions {
        table.insert(session.number, prost::Message::encode_to_vec(session).as_slice())?;
    }
    Ok(())
}

/// From here on the log of the node is what was executed.
pub(super) fn set_base(transaction: &WriteTransaction, slot: u64) -> Result<(), redb::Error> {
    transaction.open_table(STATE)?.insert(BASE, slot)?;
    Ok(())
}

/// As of which slot a state is that is read.
pub(super) fn applied(transaction: &ReadTransaction) -> Result<u64, StoreError> {
    slot(transaction, APPLIED)?.ok_or_else(|| corrupt("the map does not say how far it is"))
}

/// As of which slot it was copied, if it was.
pub(super) fn base(transaction: &ReadTransaction) -> Result<u64, StoreError> {
    Ok(slot(transaction, BASE)?.unwrap_or_default())
}

/// The sessions of a state that is read.
pub(super) fn sessions(transaction: &ReadTransaction) -> Result<Vec<Session>, StoreError> {
    let table = transaction.open_table(SESSIONS).map_err(failed)?;
    let stored = table.iter().map_err(failed)?;
    let decode = |bytes: &[u8]| {
        prost::Message::decode(bytes).map_err(|error| corrupt(format!("a session: {error}")))
    };
    stored.map(|row| decode(row.map_err(failed)?.1.value())).collect()
}

fn slot(transaction: &ReadTransaction, name: &str) -> Result<Option<u64>, StoreError> {
    let state = transaction.open_table(STATE).map_err(failed)?;
    Ok(state.get(name).map_err(failed)?.map(|slot| slot.value()))
}

impl Stored {
    pub(super) fn new(store: Store) -> Result<Self, StoreError> {
        let written = Mutex::new(applied(&store.begin_read().map_err(failed)?)?);
        Ok(Self { store, written })
    }

    pub(super) fn read(&self) -> Result<ReadTransaction, StoreError> {
        self.store.begin_read().map_err(failed)
    }

    pub(super) fn keys(&self) -> Result<u64, StoreError> {
        let table = self.read()?.open_table(MAP).map_err(failed)?;
        table.len().map_err(failed)
    }

    /// Writes what has changed, unless that is older than what was written before: then that is in it. What
    /// else the transaction is given comes along. Tells as of which slot the store is now.
    pub(super) fn write(
        &self,
        changes: &Changes,
        durability: Durability,
        also: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<u64, StoreError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let mut transaction = self.store.begin_write().map_err(failed)?;
        transaction.set_durability(durability).map_err(failed)?;
        if changes.applied > *written {
            put(&transaction, changes).map_err(failed)?;
        }
        also(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        *written = changes.applied.max(*written);
        Ok(*written)
    }
}

fn put(transaction: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    let mut pairs = transaction.open_table(MAP)?;
    for (key, value) in &changes.pairs {
        match value {
            Some(value) => pairs.insert(key.as_bytes(), value.as_bytes())?,
            None => pairs.remove(key.as_bytes())?,
        };
    }
    let mut sessions = transaction.open_table(SESSIONS)?;
    for (number, session) in &changes.sessions {
        match session {
            Some(session) => {
                sessions.insert(number, prost::Message::encode_to_vec(session).as_slice())?
            }
            None => sessions.remove(number)?,
        };
    }
    transaction.open_table(STATE)?.insert(APPLIED, changes.applied)?;
    Ok(())
}
