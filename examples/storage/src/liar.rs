//! Servers that lie, for the register that is to bear them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorum_runtime::{Call, Status};

use crate::database::version;
use crate::storage::{Entry, ReadReply, ReadRequest, Storage, Version, WriteReply, WriteRequest};
use crate::store::Store;

/// In which way a server lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// It makes up values that are newer than all others, and stores nothing.
    Forge,
    /// It answers with the first value that it was given, which is signed.
    Replay,
    /// It says something else each time: the first, the newest, nothing, or what is signed for another key.
    Equivocate,
    /// It says nothing at all.
    Silent,
}

impl Lie {
    pub(crate) const ALL: [Self; 4] = [Self::Forge, Self::Replay, Self::Equivocate, Self::Silent];
}

/// A server that says that it has stored what it was given, and lies about what that was. Clones are
/// handles of the same.
#[derive(Clone, Debug)]
pub(crate) struct Liar {
    store: Store,
    lie: Lie,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    first: BTreeMap<String, Entry>,
    turns: u64,
}

impl Liar {
    pub(crate) fn new(store: Store, lie: Lie) -> Self {
        Self { store, lie, memory: Arc::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Liar {
    async fn read(&self, call: Call, request: ReadRequest) -> Result<ReadReply, Status> {
        let key = request.key.clone();
        let newest = self.store.read(call, request).await?.entry;
        let entry = match self.lie {
            Lie::Forge => Some(forged(newest)),
            Lie::Replay => self.memory().first.get(&key).cloned(),
            Lie::Equivocate => self.memory().equivocate(&key, newest),
            Lie::Silent => std::future::pending().await,
        };
        Ok(ReadReply { entry })
    }

    async fn probe(&self, call: Call, request: ReadRequest) -> Result<ReadReply, Status> {
        self.read(call, request).await
    }

    async fn write(&self, call: Call, request: WriteRequest) -> Result<WriteReply, Status> {
        let version = request.entry.as_ref().and_then(|entry| entry.version);
        if let Some(entry) = &request.entry {
            self.memory().first.entry(request.key.clone()).or_insert_with(|| entry.clone());
        }
        match self.lie {
            Lie::Equivocate => drop(self.store.write(call, request).await),
            Lie::Forge | Lie::Replay => {}
            Lie::Silent => std::future::pending().await,
        }
        Ok(WriteReply { stored: true, version })
    }

    async fn put(&self, _call: Call, _request: WriteRequest) {}
}

impl Memory {
    fn equivocate(&mut self, key: &str, newest: Option<Entry>) -> Option<Entry> {
        self.turns += 1;
        match self.turns % 4 {
            0 => newest,
            1 => self.first.iter().find(|(other, _)| *other != key).map(|(_, entry)| entry.clone()),
            2 => self.first.get(key).cloned(),
            _ => None,
        }
    }
}

/// With the signature of the true one.
fn forged(newest: Option<Entry>) -> Entry {
    let mut entry = newest.unwrap_or_default();
    let (number, writer) = version(&entry);
    entry.version = Some(Version { number: number.saturating_add(1000), writer });
    entry.value.push_str("forged");
    entry
}
