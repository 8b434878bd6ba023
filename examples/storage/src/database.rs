//! The map of one node, on disk or in memory.

use std::io;
use std::path::Path;

use example_support::identity::Identity;
use example_support::store::{Store, StoreError};
use prost::Message as _;
use quorum_runtime::host::Disk;
use redb::{Durability, ReadableTable as _, TableDefinition, WriteTransaction};

use crate::mutant::{Mutant, Mutation};
use crate::storage::{Entry, Version};

/// The name of the file in its folder.
const FILE: &str = "store.redb";

/// What is in it.
const FORMAT: &str = "storage 1";

/// From a key to an encoded `Entry`.
const ENTRIES: TableDefinition<&str, &[u8]> = TableDefinition::new("entries");

/// A map from keys to entries. What it has accepted is durable.
///
/// Its operations wait for the disk. After an error of the disk nobody knows what is stored: the
/// process is to end, and the next one finds out.
#[derive(Debug)]
pub(crate) struct Database {
    store: Store,
    mutation: Mutation,
}

/// Why a map cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    #[error("cannot open the store in {folder}: {source}")]
    Open { folder: String, source: Box<Self> },
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Redb(Box<redb::Error>),
    #[error("what is stored under `{key}` is no entry: {source}")]
    Entry { key: String, source: prost::DecodeError },
}

impl Database {
    /// The map of a node in its folder, which is made where it is missing. Nobody else must have it
    /// open.
    pub(crate) fn in_folder(
        folder: &Path,
        identity: &Identity,
        mutation: Mutation,
    ) -> Result<Self, DatabaseError> {
        Self::in_disk(folder, identity, mutation).map_err(|error| DatabaseError::Open {
            folder: folder.display().to_string(),
            source: Box::new(error),
        })
    }

    /// An empty map that is gone when it is dropped.
    pub(crate) fn in_memory(mutation: Mutation) -> Result<Self, DatabaseError> {
        Ok(Self { store: Store::in_memory(make_table).map_err(failed)?, mutation })
    }

    /// An empty map in an empty file of any kind.
    #[cfg(test)]
    pub(crate) fn on(
        file: impl redb::StorageBackend,
        mutation: Mutation,
    ) -> Result<Self, DatabaseError> {
        let identity = Identity::new("test", 0);
        Ok(Self {
            store: Store::on(file, FORMAT, &identity, make_table).map_err(failed)?,
            mutation,
        })
    }

    fn in_disk(
        folder: &Path,
        identity: &Identity,
        mutation: Mutation,
    ) -> Result<Self, DatabaseError> {
        let disk = Disk::folder(folder)?;
        let store = Store::open_or_create(&disk, FILE, FORMAT, identity, make_table)?;
        let database = Self { store, mutation };
        if mutation.is(Mutant::ForgetVersionAfterRestart) {
            database.forget_versions()?;
        }
        Ok(database)
    }

    /// What is stored under a key.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Entry>, DatabaseError> {
        let table = self.store.begin_read().map_err(failed)?.open_table(ENTRIES).map_err(failed)?;
        let stored = table.get(key).map_err(failed)?;
        stored.map(|bytes| decode(key, bytes.value())).transpose()
    }

    /// Stores entries in this order, each unless a newer one is there, in one transaction. When this
    /// returns they are durable, and it says of each whether it is what is stored now, or was before
    /// those behind it.
    pub(crate) fn store<'a>(
        &self,
        entries: impl IntoIterator<Item = (&'a str, &'a Entry)>,
    ) -> Result<Vec<bool>, DatabaseError> {
        let mut transaction = self.store.begin_write().map_err(failed)?;
        if self.mutation.is(Mutant::NoSync) {
            transaction.set_durability(Durability::None).map_err(failed)?;
        }
        let mut table = transaction.open_table(ENTRIES).map_err(failed)?;
        let (mut stored, mut is_changed) = (Vec::new(), false);
        for (key, entry) in entries {
            let known = table.get(key).map_err(failed)?;
            let known = known.map(|bytes| decode(key, bytes.value())).transpose()?;
            let known = known.as_ref().map(version);
            let is_newer = known < Some(version(entry)) || self.mutation.is(Mutant::StoreOlder);
            if is_newer {
                table.insert(key, entry.encode_to_vec().as_slice()).map_err(failed)?;
            }
            is_changed |= is_newer;
            stored.push(is_newer || known == Some(version(entry)));
        }
        drop(table);
        if is_changed {
            transaction.commit().map_err(failed)?;
        }
        Ok(stored)
    }

    /// What [`Mutant::ForgetVersionAfterRestart`] does at the start.
    fn forget_versions(&self) -> Result<(), DatabaseError> {
        let transaction = self.store.begin_write().map_err(failed)?;
        let mut table = transaction.open_table(ENTRIES).map_err(failed)?;
        let mut forgotten = Vec::new();
        for stored in table.iter().map_err(failed)? {
            let (key, bytes) = stored.map_err(failed)?;
            let value = decode(key.value(), bytes.value())?.value;
            forgotten.push((key.value().to_owned(), Entry { value, ..Entry::default() }));
        }
        for (key, entry) in forgotten {
            table.insert(key.as_str(), entry.encode_to_vec().as_slice()).map_err(failed)?;
        }
        drop(table);
        transaction.commit().map_err(failed)
    }
}

fn make_table(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(ENTRIES)?;
    Ok(())
}

fn decode(key: &str, bytes: &[u8]) -> Result<Entry, DatabaseError> {
    Entry::decode(bytes).map_err(|source| DatabaseError::Entry { key: key.to_owned(), source })
}

fn failed(error: impl Into<redb::Error>) -> DatabaseError {
    DatabaseError::Redb(Box::new(error.into()))
}

/// What orders entries of one key.
pub(crate) fn version(entry: &Entry) -> (u64, u32) {
    let Version { number, writer } = entry.version.unwrap_or_default();
    (number, writer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use example_support::backend::WatchedFile;

    fn entry(value: &str, number: u64, writer: u32) -> Entry {
        let version = Some(Version { number, writer });
        Entry { value: value.to_owned(), version, ..Entry::default() }
    }

    fn me() -> Identity {
        Identity::new("test", 0)
    }

    fn store(database: &Database, entry: &Entry) -> Result<bool, DatabaseError> {
        database.store([("k", entry)]).map(|stored| stored[0])
    }

    fn value(database: &Database) -> Option<String> {
        database.get("k").unwrap().map(|entry| entry.value)
    }

    #[test]
    fn the_newer_entry_stays_whatever_the_order_of_arrival() {
        let database = Database::in_memory(Mutation::default()).unwrap();
        assert_eq!(value(&database), None);
        assert!(store(&database, &entry("new", 2, 1)).unwrap());
        assert!(!store(&database, &entry("old", 1, 9)).unwrap());
        assert!(!store(&database, &entry("lower writer", 2, 0)).unwrap());
        assert_eq!(value(&database).unwrap(), "new");
        assert!(store(&database, &entry("higher writer", 2, 2)).unwrap());
        assert!(store(&database, &entry("higher writer", 2, 2)).unwrap());
        assert_eq!(value(&database).unwrap(), "higher writer");
    }

    #[test]
    fn what_was_stored_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Database::in_folder(folder.path(), &me(), Mutation::default()).unwrap();
        assert_eq!(value(&open()), None);
        store(&open(), &entry("v", 1, 1)).unwrap();
        assert_eq!(open().get("k").unwrap().unwrap(), entry("v", 1, 1));
        let names = Disk::folder(folder.path()).unwrap().names().unwrap();
        assert_eq!(names, [FILE]);
    }

    #[test]
    fn a_file_that_is_no_store_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), [7; 10_000]).unwrap();
        let error = Database::in_folder(folder.path(), &me(), Mutation::default()).unwrap_err();
        let prefix = format!("cannot open the store in {}: ", folder.path().display());
        assert!(error.to_string().starts_with(&prefix), "{error}");
    }

    #[cfg(feature = "mutants")]
    #[test]
    fn mutants_of_the_store_do_what_they_say() {
        let older = Database::in_memory(Mutant::StoreOlder.into()).unwrap();
        store(&older, &entry("new", 2, 1)).unwrap();
        assert!(store(&older, &entry("old", 1, 1)).unwrap());
        assert_eq!(value(&older).unwrap(), "old");

        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let mutant = Mutant::ForgetVersionAfterRestart.into();
            Database::in_folder(folder.path(), &me(), mutant).unwrap()
        };
        store(&open(), &entry("v", 7, 7)).unwrap();
        let forgetful = open().get("k").unwrap();
        assert_eq!(forgetful, Some(Entry { value: "v".to_owned(), ..Entry::default() }));
    }

    #[test]
    fn every_write_is_synced() {
        let syncs = |mutation| {
            let file = WatchedFile::default();
            let database = Database::on(file.clone(), mutation).unwrap();
            let before = file.syncs();
            store(&database, &entry("v", 1, 1)).unwrap();
            file.syncs() - before
        };
        assert!(syncs(Mutation::default()) > 0);
        #[cfg(feature = "mutants")]
        assert_eq!(syncs(Mutant::NoSync.into()), 0);
    }

    #[test]
    fn a_write_that_the_disk_refuses_is_not_stored() {
        let file = WatchedFile::default();
        let database = Database::on(file.clone(), Mutation::default()).unwrap();
        file.fail();
        let error = store(&database, &entry("v", 1, 1)).unwrap_err().to_string();
        assert!(error.contains("the disk of this test fails"), "{error}");
    }
}
