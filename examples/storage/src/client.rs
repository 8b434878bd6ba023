//! The client: connections to all servers, and the versions of its writes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorum_runtime::{Configuration, ConfigurationError, Manager, Node};

use crate::newest::Newest;
use crate::storage::{Entry, StorageManager as _, Version, WriteRequest};

/// A client of the store. Its nodes are numbered from 0, in the order of their addresses.
#[derive(Debug)]
pub(crate) struct Client {
    manager: Manager,
    storage: Configuration<Newest>,
    writer: u32,
    last: AtomicU64,
}

impl Client {
    pub(crate) fn new(addresses: &[String], timeout: Duration) -> anyhow::Result<Self> {
        let builder = Manager::builder().timeout(timeout);
        let builder = (0..).zip(addresses).fold(builder, |b, (id, address)| b.node(id, address));
        let manager = builder.build()?;
        let storage = manager.storage(Newest)?;
        Ok(Self { manager, storage, writer: fastrand::u32(1..), last: AtomicU64::new(0) })
    }

    /// The configuration of all nodes.
    pub(crate) const fn storage(&self) -> &Configuration<Newest> {
        &self.storage
    }

    pub(crate) fn node(&self, id: u32) -> Result<Node, ConfigurationError> {
        self.manager.node(id)
    }

    pub(crate) fn nodes(&self) -> Vec<Node> {
        self.manager.nodes()
    }

    /// A write that is newer than every write of this client before.
    pub(crate) fn write_request(&self, key: String, value: String) -> WriteRequest {
        let version = Version { number: self.next_number(), writer: self.writer };
        WriteRequest { key, entry: Some(Entry { value, version: Some(version) }) }
    }

    fn next_number(&self) -> u64 {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX);
        let next = |last: u64| now.max(last.saturating_add(1));
        let last =
            self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        next(last.unwrap_or_else(|unchanged| unchanged))
    }
}
