//! The client: an atomic register for each key, read and written by anyone (Attiya, Bar-Noy and
//! Dolev: *Sharing Memory Robustly in Message-Passing Systems*, 1995; with several writers as in
//! Lynch and Shvartsman, 1997).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quorum_runtime::{
    BuildError, Configuration, ConfigurationError, Manager, Node, QuorumError, RpcError,
};

use crate::database::version;
use crate::mutant::{Mutant, Mutation};
use crate::newest::Newest;
use crate::storage::{
    Entry, ReadRequest, StorageConfiguration as _, StorageManager as _, StorageNode as _, Version,
    WriteRequest,
};

/// A client of the store.
#[derive(Debug)]
pub(crate) struct Client {
    manager: Manager,
    storage: Configuration<Newest>,
    writer: u32,
    last: AtomicU64,
    mutation: Mutation,
}

/// Connections to all servers, numbered from 0 in the order of their addresses.
pub(crate) fn connect(addresses: &[String], timeout: Duration) -> Result<Manager, BuildError> {
    let builder = Manager::builder().timeout(timeout);
    (0..).zip(addresses).fold(builder, |b, (id, address)| b.node(id, address)).build()
}

impl Client {
    /// A client that calls all nodes of a manager. No other client, now or ever, may have this number
    /// as a writer: two that have it could give the same version to different values.
    pub(crate) fn new(
        manager: Manager,
        writer: u32,
        mutation: Mutation,
    ) -> Result<Self, ConfigurationError> {
        let storage = manager.storage(Newest(mutation))?;
        Ok(Self { manager, storage, writer, last: AtomicU64::new(0), mutation })
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

    /// The value under a key: the last one that was written before this began, or one that was written
    /// meanwhile, and none that is older than what another read has returned before.
    ///
    /// What only some of the nodes hold is stored on a majority before it is returned, so that no later
    /// read misses it.
    ///
    /// # Errors
    ///
    /// If no majority answers.
    pub(crate) async fn read(
        &self,
        storage: &Configuration<Newest>,
        key: &str,
    ) -> Result<Option<String>, QuorumError> {
        let storage = self.contacted(storage);
        let reading = storage.read(ReadRequest { key: key.to_owned() }).await?;
        let Some(newest) = reading.newest else {
            return Ok(None);
        };
        if !reading.is_agreed && !self.mutation.is(Mutant::SkipWriteBack) {
            let entry = Some(newest.clone());
            storage.write(WriteRequest { key: key.to_owned(), entry }).await?;
        }
        Ok(Some(newest.value))
    }

    /// Writes a value, for every read that begins after this to find.
    ///
    /// # Errors
    ///
    /// If no majority answers. Then the value may be read or not, until another is written.
    pub(crate) async fn write(
        &self,
        storage: &Configuration<Newest>,
        key: &str,
        value: &str,
    ) -> Result<(), QuorumError> {
        let storage = self.contacted(storage);
        let request = self.newer(&storage, key, value).await?;
        storage.write(request).await?;
        Ok(())
    }

    /// A write that is newer than what a majority holds.
    pub(crate) async fn newer(
        &self,
        storage: &Configuration<Newest>,
        key: &str,
        value: &str,
    ) -> Result<WriteRequest, QuorumError> {
        if self.mutation.is(Mutant::SameVersion) {
            return Ok(self.write_request(key, value, None));
        }
        let reading = storage.read(ReadRequest { key: key.to_owned() }).await?;
        Ok(self.write_request(key, value, reading.newest.as_ref()))
    }

    /// A write that is newer than what one node holds.
    pub(crate) async fn newer_at(
        &self,
        node: &Node,
        key: &str,
        value: &str,
    ) -> Result<WriteRequest, RpcError> {
        let reply = node.read(ReadRequest { key: key.to_owned() }).await?;
        Ok(self.write_request(key, value, reply.entry.as_ref()))
    }

    fn write_request(&self, key: &str, value: &str, known: Option<&Entry>) -> WriteRequest {
        let (known, _) = known.map(version).unwrap_or_default();
        let next = |last: u64| known.max(last).saturating_add(1);
        let last =
            self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        let number = next(last.unwrap_or_else(|unchanged| unchanged));
        let version = Some(Version { number, writer: self.writer });
        WriteRequest {
            key: key.to_owned(),
            entry: Some(Entry { value: value.to_owned(), version }),
        }
    }

    /// The configuration itself; for [`Mutant::MajorityOverContacted`] its fastest majority, as if that
    /// were all.
    fn contacted(&self, storage: &Configuration<Newest>) -> Configuration<Newest> {
        if !self.mutation.is(Mutant::MajorityOverContacted) {
            return storage.clone();
        }
        let fastest = storage.fastest(storage.members().len() / 2 + 1);
        let contacted = fastest.targets().iter().map(Node::id);
        storage.with_members(contacted).unwrap_or_else(|_| storage.clone())
    }
}
