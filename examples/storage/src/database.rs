//! The map of one node, on disk or in memory: the server's part of the protocol is that the newest entry
//! stays, and is durable before anybody is told.

use std::path::Path;

use example_support::commits::Target;
use example_support::identity::Identity;
use example_support::store::{Store, StoreError};
use prost::Message as _;
use quorum_runtime::host::Disk;
use redb::{Durability, ReadableTable as _, TableDefinition, WriteTransaction};

use crate::mutant::{Mutant, Mutation};
use crate::storage::{Entry, Version};

/// The name of the file in its folder.
pub(crate) const FILE: &str = "store.redb";

/// What is in it.
const FORMAT: &str = "storage 1";

/// From a key to an encoded `Entry`.
pub(crate) const ENTRIES: TableDefinition<&str, &[u8]> = TableDefinition::new("entries");

/// A map from keys to entries. Its operations wait for the disk.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) mutation: Mutation,
}

impl Database {
    /// The map of a node in its folder, which is made where it is missing. Nobody else must have it open.
    pub(crate) fn in_folder(
        folder: &Path,
        identity: &Identity,
        mutation: Mutation,
    ) -> Result<Self, StoreError> {
        let disk = Disk::folder(folder)?;
        let store = Store::open_or_create(&disk, FILE, FORMAT, identity, make_table)?;
        Ok(Self { store, mutation })
    }

    /// An empty map that is gone when it is dropped.
    pub(crate) fn in_memory(mutation: Mutation) -> Result<Self, StoreError> {
        Ok(Self { store: Store::in_memory(make_table)?, mutation })
    }

    /// An empty map in an empty file of any kind.
    #[cfg(test)]
    pub(crate) fn on(file: impl redb::StorageBackend, mutation: Mutation) -> Self {
        let store = Store::on(file, FORMAT, &Identity::new("test", 0), make_table).unwrap();
        Self { store, mutation }
    }

    /// What is stored under a key.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Entry>, redb::Error> {
        let table = self.store.begin_read()?.open_table(ENTRIES)?;
        table.get(key)?.map(|bytes| decode(key, bytes.value())).transpose()
    }
}

impl Target for Database {
    type Write = (String, Entry);
    /// Whether the entry is what is stored now, or was before those behind it.
    type Stored = bool;
    type Error = redb::Error;

    fn bytes((key, entry): &Self::Write) -> usize {
        key.len() + entry.encoded_len()
    }

    /// Stores each unless a newer one is there.
    fn commit(&self, writes: &[Self::Write]) -> Result<Vec<bool>, redb::Error> {
        let mut transaction = self.store.begin_write()?;
        if self.mutation.is(Mutant::NoSync) {
            transaction.set_durability(Durability::None)?;
        }
        let mut table = transaction.open_table(ENTRIES)?;
        let (mut stored, mut is_changed) = (Vec::new(), false);
        for (key, entry) in writes {
            let known = table.get(key.as_str())?;
            let known = known.map(|bytes| decode(key, bytes.value())).transpose()?;
            let known = if self.mutation.is(Mutant::StoreOlder) { None } else { known };
            let order = known.as_ref().map(version).cmp(&Some(version(entry)));
            if order.is_lt() {
                table.insert(key.as_str(), entry.encode_to_vec().as_slice())?;
                is_changed = true;
            }
            stored.push(order.is_le());
        }
        drop(table);
        if is_changed {
            transaction.commit()?;
        }
        Ok(stored)
    }
}

fn make_table(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(ENTRIES)?;
    Ok(())
}

pub(crate) fn decode(key: &str, bytes: &[u8]) -> Result<Entry, redb::Error> {
    let no_entry = |error| format!("what is stored under `{key}` is no entry: {error}");
    Entry::decode(bytes).map_err(|error| redb::Error::Corrupted(no_entry(error)))
}

/// What orders entries of one key.
pub(crate) fn version(entry: &Entry) -> (u64, u32) {
    let Version { number, writer } = entry.version.unwrap_or_default();
    (number, writer)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "mutants")]
    use crate::mutant::forget_versions;
    use example_support::backend::WatchedFile;

    fn entry(value: &str, number: u64, writer: u32) -> Entry {
        let version = Some(Version { number, writer });
        Entry { value: value.to_owned(), version, ..Entry::default() }
    }

    fn me() -> Identity {
        Identity::new("test", 0)
    }

    fn store(database: &Database, entry: &Entry) -> Result<bool, redb::Error> {
        database.commit(&[("k".to_owned(), entry.clone())]).map(|stored| stored[0])
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
        assert!(error.to_string().starts_with("store.redb: it is no store"), "{error}");
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
            let database = Database::in_folder(folder.path(), &me(), mutant).unwrap();
            forget_versions(&database).unwrap();
            database
        };
        store(&open(), &entry("v", 7, 7)).unwrap();
        let forgetful = open().get("k").unwrap();
        assert_eq!(forgetful, Some(Entry { value: "v".to_owned(), ..Entry::default() }));
    }

    #[test]
    fn every_write_is_synced() {
        let syncs = |mutation| {
            let file = WatchedFile::default();
            let database = Database::on(file.clone(), mutation);
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
        let database = Database::on(file.clone(), Mutation::default());
        file.fail();
        let error = store(&database, &entry("v", 1, 1)).unwrap_err().to_string();
        assert!(error.contains("the disk of this test fails"), "{error}");
    }
}
