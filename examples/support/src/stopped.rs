//! The store of a node that does not run, to be read and not changed, whosever it is.

use std::fmt;

use quorum_runtime::host::Disk;
use redb::{DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase as _};

use crate::header;
use crate::identity::{self, Identity};
use crate::store::{Reason, StoreError, builder, existing, in_file, redb_error};

/// A store that nobody changes.
pub struct Stopped {
    redb: ReadOnlyDatabase,
    identity: Identity,
}

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopped").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Stopped {
    /// The store in a file, whosever it is. Nobody else must have it open.
    ///
    /// # Errors
    ///
    /// If it is no store of this format or damaged, if its node was killed, or if the disk fails.
    pub fn open(disk: &Disk, file: &str, format: &str) -> Result<Self, StoreError> {
        Self::opened(disk, file, format).map_err(|reason| in_file(file, reason))
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
        Ok(self.redb.begin_read()?)
    }

    fn opened(disk: &Disk, file: &str, format: &str) -> Result<Self, Reason> {
        let file = existing(disk, file)?;
        header::check(&file)?;
        let opened = builder().open_read_only_with_backend(file);
        let redb = opened.map_err(|error| match error {
            DatabaseError::RepairAborted => Reason::NotClosed,
            error => redb_error(error),
        })?;
        let identity = identity::read(&redb.begin_read().map_err(redb_error)?, format)?;
        Ok(Self { redb, identity })
    }
}

#[cfg(test)]
mod tests {
    use redb::TableDefinition;

    use super::*;
    use crate::store::Store;

    const TABLE: TableDefinition<&str, u64> = TableDefinition::new("table");

    fn open(disk: &Disk) -> Result<Stopped, String> {
        Stopped::open(disk, "store", "test 1").map_err(|error| error.to_string())
    }

    #[test]
    fn a_store_that_was_closed_is_read_and_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::folder(folder.path()).unwrap();
        let identity = Identity::new("blue", 3);
        let store = Store::open_or_create(&disk, "store", "test 1", &identity, |transaction| {
            transaction.open_table(TABLE)?.insert("k", 1)?;
            Ok(())
        });
        let bytes = || std::fs::read(folder.path().join("store")).unwrap();
        let store = store.unwrap();
        let unclosed = bytes();
        store.close().unwrap();

        let closed = bytes();
        let stopped = open(&disk).unwrap();
        assert_eq!(stopped.identity(), &identity);
        let read = stopped.begin_read().unwrap();
        assert_eq!(read.open_table(TABLE).unwrap().get("k").unwrap().unwrap().value(), 1);
        drop((read, stopped));
        assert!(bytes() == closed);
        let other = Stopped::open(&disk, "store", "test 2").unwrap_err().to_string();
        assert!(other.starts_with("store: it has the format `test 1`"), "{other}");

        std::fs::write(folder.path().join("store"), &unclosed).unwrap();
        let killed = open(&disk).unwrap_err();
        assert!(
            killed.starts_with("store: the process that wrote it did not close it"),
            "{killed}"
        );
        assert!(bytes() == unclosed);
    }
}
