//! The store of a node that does not run, to be read and not changed, whosever it is.
//!
//! If its process was killed, opening it repairs it, as that node will do when it is started: a commit that
//! nobody was told of is taken back. Here the repair stays a rehearsal, in memory.

use quorum_runtime::host::Disk;
use redb::{ReadTransaction, StorageBackend};

use crate::identity::{self, Identity};
use crate::store::{Reason, Store, StoreError, existing, in_file, redb_error};

/// A store that nobody changes.
#[derive(Debug)]
pub struct Stopped {
    store: Store,
    identity: Identity,
}

impl Stopped {
    /// The store in a file, whosever it is. Nobody else must have it open.
    ///
    /// # Errors
    ///
    /// If it is no store of this format or damaged, or if the disk fails.
    pub fn open(disk: &Disk, file: &str, format: &str) -> Result<Self, StoreError> {
        let opened = existing(disk, file).and_then(|file| Self::on(file, format));
        opened.map_err(|reason| in_file(file, reason))
    }

    /// Whose it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Sees what is in it, for as long as there is the store.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    pub fn begin_read(&self) -> Result<ReadTransaction, redb::Error> {
        self.store.begin_read()
    }

    /// The store in a file of any kind.
    pub(crate) fn on(file: impl StorageBackend, format: &str) -> Result<Self, Reason> {
        let (store, _never_released) = Store::rehearsed(file)?;
        let identity = identity::read(&store.begin_read().map_err(redb_error)?, format)?;
        Ok(Self { store, identity })
    }
}

#[cfg(test)]
mod tests {
    use redb::{Durability, TableDefinition, WriteTransaction};

    use super::*;

    const TABLE: TableDefinition<&str, u64> = TableDefinition::new("table");

    fn value(disk: &Disk) -> u64 {
        let stopped = Stopped::open(disk, "store", "test 1").unwrap();
        assert_eq!(stopped.identity(), &Identity::new("blue", 3));
        let table = stopped.begin_read().unwrap().open_table(TABLE).unwrap();
        table.get("k").unwrap().unwrap().value()
    }

    #[test]
    fn a_store_is_read_and_not_changed_also_if_its_process_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::folder(folder.path()).unwrap();
        let identity = Identity::new("blue", 3);
        let fill = |transaction: &WriteTransaction| {
            transaction.open_table(TABLE)?.insert("k", 1)?;
            Ok(())
        };
        let store = Store::open_or_create(&disk, "store", "test 1", &identity, fill).unwrap();
        let commit = |value, durability| {
            let mut transaction = store.begin_write().unwrap();
            transaction.set_durability(durability).unwrap();
            transaction.open_table(TABLE).unwrap().insert("k", value).unwrap();
            transaction.commit().unwrap();
        };
        commit(2, Durability::Immediate);
        commit(3, Durability::None);
        let bytes = || std::fs::read(folder.path().join("store")).unwrap();
        let killed = bytes();
        store.close().unwrap();

        let closed = bytes();
        assert_eq!(value(&disk), 3);
        assert!(bytes() == closed);
        let other = Stopped::open(&disk, "store", "test 2").unwrap_err().to_string();
        assert!(other.starts_with("store: it has the format `test 1`"), "{other}");

        std::fs::write(folder.path().join("store"), &killed).unwrap();
        assert_eq!(value(&disk), 2);
        assert!(bytes() == killed);
        // The node itself finds the same.
        drop(Store::open(&disk, "store", "test 1", &identity).unwrap());
        assert_eq!(value(&disk), 2);
    }
}
