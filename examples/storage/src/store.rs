//! The server: one copy of the map.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use quorum_runtime::{Call, Status};

use crate::storage::{self, Entry, ReadReply, ReadRequest, Version, WriteReply, WriteRequest};

/// One copy of the map, in memory.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<BTreeMap<String, Entry>>);

impl storage::Storage for Store {
    async fn read(&self, _call: Call, request: ReadRequest) -> Result<ReadReply, Status> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ReadReply { entry: entries.get(&request.key).cloned() })
    }

    async fn write(&self, _call: Call, request: WriteRequest) -> Result<WriteReply, Status> {
        let WriteRequest { key, entry } = request;
        let entry = entry.ok_or_else(|| Status::invalid_argument("the entry is missing"))?;
        Ok(WriteReply { stored: self.store(key, entry) })
    }

    async fn put(&self, _call: Call, request: WriteRequest) {
        let WriteRequest { key, entry } = request;
        if let Some(entry) = entry {
            self.store(key, entry);
        }
    }
}

impl Store {
    /// Stores an entry unless a newer one is there.
    fn store(&self, key: String, entry: Entry) -> bool {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = entries.get(&key).map(version);
        if known > Some(version(&entry)) {
            return false;
        }
        entries.insert(key, entry);
        true
    }
}

/// What orders entries of one key.
pub(crate) fn version(entry: &Entry) -> (u64, u32) {
    let Version { number, writer } = entry.version.unwrap_or_default();
    (number, writer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: &str, number: u64, writer: u32) -> Entry {
        Entry { value: value.to_owned(), version: Some(Version { number, writer }) }
    }

    #[test]
    fn the_newer_entry_stays_whatever_the_order_of_arrival() {
        let store = Store::default();
        assert!(store.store("k".into(), entry("new", 2, 1)));
        assert!(!store.store("k".into(), entry("old", 1, 9)));
        assert!(!store.store("k".into(), entry("lower writer", 2, 0)));
        assert!(store.store("k".into(), entry("higher writer", 2, 2)));
        let entries = store.0.lock().unwrap();
        assert_eq!(entries["k"].value, "higher writer");
    }
}
