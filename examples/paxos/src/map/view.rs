//! The newest state as readers see it: what executing has changed, on top of the store.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::changes::Changes;
use super::snapshot::Snapshot;
use super::stored::Stored;
use crate::error::StoreError;

/// What there is, the newest first.
#[derive(Debug)]
pub(super) struct View {
    /// What was changed since the last flush began.
    pub(super) recent: Changes,
    /// What is being written to the store, or was.
    pub(super) writing: Arc<Changes>,
    pub(super) stored: Arc<Stored>,
    pub(super) keys: u64,
}

impl View {
    /// The value of a key if it is not, or may not be, in the store; or that it has none.
    pub(super) fn get(&self, key: &str) -> Option<Option<&str>> {
        self.recent.get(key).or_else(|| self.writing.get(key))
    }
}

/// A view that one executes on, and others read. It is locked for as long as it takes to look, or to put
/// something there.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<RwLock<View>>);

impl Shared {
    pub(super) fn new(view: View) -> Self {
        Self(Arc::new(RwLock::new(view)))
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, View> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, View> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers from the newest state, whichever store that is in. Clones are handles of the same.
#[derive(Clone, Debug)]
pub(crate) struct Reader(pub(super) Shared);

impl Reader {
    /// The newest value of a key. Waits for the disk.
    pub(crate) fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        let stored = {
            let view = self.0.read();
            if let Some(value) = view.get(key) {
                return Ok(value.map(str::to_owned));
            }
            Arc::clone(&view.stored)
        };
        Snapshot::new(stored)?.get(key)
    }

    /// How many keys there are.
    pub(crate) fn keys(&self) -> u64 {
        self.0.read().keys
    }
}
