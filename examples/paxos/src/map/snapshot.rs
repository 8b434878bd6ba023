//! The map as of one slot, which stays as it is while the log goes on.

use std::any::Any;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use example_support::identity::Identity;
use example_support::stopped::Stopped;
use quorum_runtime::host::Disk;
use redb::{ReadOnlyTable, ReadTransaction, ReadableTableMetadata as _};

use super::stored::{self, FORMAT, MAP, Stored};
use crate::error::{StoreError, corrupt, failed};
use crate::paxos::Session;

/// The state of a node as of one slot.
///
/// Pages that only it still needs are not used again while there is one, so none is kept for ever.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pairs: ReadOnlyTable<&'static [u8], &'static [u8]>,
    transaction: ReadTransaction,
    applied: u64,
    /// Another store may have taken the place of this one, which is kept open here.
    _store: Arc<dyn Any + Send + Sync>,
}

impl Snapshot {
    pub(super) fn new(stored: Arc<Stored>) -> Result<Self, StoreError> {
        Self::read_by(stored.read()?, stored)
    }

    /// The state of a node that does not run, and whose it is. Nothing in it is changed.
    pub(crate) fn of_stopped(folder: &Path) -> Result<(Identity, Self), StoreError> {
        let store = Stopped::open(&Disk::folder(folder)?, super::FILE, FORMAT)?;
        let (identity, read) = (store.identity().clone(), store.begin_read().map_err(failed)?);
        Ok((identity, Self::read_by(read, Arc::new(store))?))
    }

    fn read_by(
        transaction: ReadTransaction,
        store: Arc<dyn Any + Send + Sync>,
    ) -> Result<Self, StoreError> {
        let applied = stored::applied(&transaction)?;
        let pairs = transaction.open_table(MAP).map_err(failed)?;
        Ok(Self { pairs, transaction, applied, _store: store })
    }

    /// The slot as of which it is.
    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    /// How many keys there are.
    pub(crate) fn keys(&self) -> Result<u64, StoreError> {
        self.pairs.len().map_err(failed)
    }

    pub(crate) fn sessions(&self) -> Result<Vec<Session>, StoreError> {
        stored::sessions(&self.transaction)
    }

    pub(crate) fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        let value = ReadOnlyTable::get(&self.pairs, key.as_bytes()).map_err(failed)?;
        value.map(|value| text(value.value())).transpose()
    }

    /// The pairs behind a key, in order, for as long as `more` says so. No key is empty, so all are behind
    /// the empty one.
    pub(crate) fn read(
        &self,
        after: &str,
        mut more: impl FnMut(&str, &str) -> bool,
    ) -> Result<(), StoreError> {
        let range = (Bound::Excluded(after.as_bytes()), Bound::Unbounded);
        for row in self.pairs.range::<&[u8]>(range).map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            if !more(decoded(key.value())?, decoded(value.value())?) {
                break;
            }
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<String, StoreError> {
    decoded(bytes).map(str::to_owned)
}

fn decoded(bytes: &[u8]) -> Result<&str, StoreError> {
    std::str::from_utf8(bytes).map_err(|error| corrupt(format!("a text in the map: {error}")))
}
