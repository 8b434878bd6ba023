use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quorum_runtime::{Call, Replier, Requests, Status};
use tokio::sync::watch;

use crate::guide::{Entry, Key, Store, Tuned};

/// One copy of the store: of each key the entry with the highest version.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    entries: Arc<watch::Sender<BTreeMap<String, Entry>>>,
    held: Arc<watch::Sender<bool>>,
    begun: Arc<AtomicUsize>,
}

impl Replica {
    /// The entry of a key, or one without a value and with version 0.
    #[must_use]
    pub fn holds(&self, key: &str) -> Entry {
        self.entries.borrow().get(key).cloned().unwrap_or_default()
    }

    /// Lets handlers wait before they answer, or go on.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// How many requests have begun to be handled.
    #[must_use]
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    async fn turn(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        // The sender lives as long as this.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
    }

    fn store(&self, entry: Entry) {
        let is_newer = |known: &Entry| known.version < entry.version;
        self.entries.send_if_modified(|entries| {
            let stores = entries.get(&entry.key).is_none_or(is_newer);
            if stores {
                entries.insert(entry.key.clone(), entry.clone());
            }
            stores
        });
    }
}

impl Store for Replica {
    async fn get(&self, _: Call, key: Key) -> Result<Entry, Status> {
        self.turn().await;
        match self.holds(&key.name) {
            entry if entry.version > 0 => Ok(entry),
            _ => Err(Status::not_found("no such key")),
        }
    }

    async fn hint(&self, _: Call, entry: Entry) {
        self.turn().await;
        self.store(entry);
    }

    async fn gossip(&self, _: Call, entry: Entry) {
        self.turn().await;
        self.store(entry);
    }

    async fn read(&self, _: Call, key: Key) -> Result<Entry, Status> {
        self.turn().await;
        Ok(self.holds(&key.name))
    }

    async fn write(&self, _: Call, entry: Entry) -> Result<(), Status> {
        self.turn().await;
        self.store(entry);
        Ok(())
    }

    async fn probe(&self, _: Call, key: Key) -> Result<Entry, Status> {
        self.turn().await;
        Ok(self.holds(&key.name))
    }

    async fn watch(&self, call: Call, key: Key, replies: Replier<Entry>) -> Result<(), Status> {
        call.release();
        let mut entries = self.entries.subscribe();
        let mut shown = None;
        loop {
            let entry = entries.borrow_and_update().get(&key.name).cloned();
            if let Some(entry) = entry.filter(|entry| Some(entry.version) > shown) {
                shown = Some(entry.version);
                replies.send(entry).await?;
            }
            if entries.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    async fn sync(
        &self,
        _: Call,
        mut requests: Requests<Entry>,
        replies: Replier<Entry>,
    ) -> Result<(), Status> {
        while let Some(entry) = requests.next().await.transpose()? {
            let key = entry.key.clone();
            self.store(entry);
            replies.send(self.holds(&key)).await?;
        }
        Ok(())
    }
}

impl Tuned for Replica {
    async fn deal(&self, _: Call, entry: Entry) -> Result<Entry, Status> {
        self.turn().await;
        self.store(entry.clone());
        Ok(entry)
    }

    async fn count(&self, _: Call, key: Key) -> Result<Entry, Status> {
        self.turn().await;
        Ok(self.holds(&key.name))
    }

    async fn search(&self, _: Call, key: Key) -> Result<Entry, Status> {
        self.turn().await;
        Ok(self.holds(&key.name))
    }

    async fn beat(&self, _: Call, entry: Entry) {
        self.turn().await;
        self.store(entry);
    }

    async fn put(&self, _: Call, entry: Entry) -> Result<Entry, Status> {
        self.turn().await;
        self.store(entry.clone());
        Ok(entry)
    }
}
