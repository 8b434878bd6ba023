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
        let connected =
            storage.targets().iter().filter(|node| node.connection_state().is_connected());
        let contacted: Vec<_> = connected.map(Node::id).collect();
        if contacted.is_empty() {
            return storage.clone();
        }
        storage.with_members(contacted).unwrap_or_else(|_| storage.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;

    /// Five servers, and clients of them.
    struct Servers(Cluster);

    impl Servers {
        async fn start() -> Self {
            Self(Cluster::start(5, None).await.unwrap())
        }

        fn client(&self, writer: u32, mutation: impl Into<Mutation>) -> Client {
            let manager = connect(self.0.addresses(), Duration::from_secs(10)).unwrap();
            Client::new(manager, writer, mutation.into()).unwrap()
        }
    }

    impl Client {
        async fn held_by(&self, node: u32, key: &str) -> Option<Entry> {
            let request = ReadRequest { key: key.to_owned() };
            self.node(node).unwrap().read(request).await.unwrap().entry
        }

        /// Writes to one node alone.
        async fn write_at(&self, node: u32, key: &str, value: &str) {
            let node = self.node(node).unwrap();
            let write = self.newer_at(&node, key, value).await.unwrap();
            assert!(node.write(write).await.unwrap().stored);
        }
    }

    #[tokio::test]
    async fn what_one_client_writes_the_next_one_reads_and_overwrites() {
        let servers = Servers::start().await;
        let clients = [9, 1, 5].map(|writer| servers.client(writer, Mutation::default()));
        for (round, client) in (1..).zip(clients.iter().cycle()).take(9) {
            let value = format!("of round {round}");
            client.write(client.storage(), "k", &value).await.unwrap();
            for reader in &clients {
                assert_eq!(reader.read(reader.storage(), "k").await.unwrap().unwrap(), value);
            }
        }
    }

    /// Whether a read of two nodes leaves what only the first holds at the second too.
    async fn writes_back(servers: &Servers, mutation: impl Into<Mutation>) -> bool {
        let client = servers.client(1, mutation);
        client.write_at(0, "k", "v").await;
        let two = client.storage().with_members([0, 1]).unwrap();
        assert_eq!(client.read(&two, "k").await.unwrap().unwrap(), "v");
        client.held_by(1, "k").await.is_some()
    }

    #[tokio::test]
    async fn a_read_writes_back_what_only_some_nodes_hold() {
        assert!(writes_back(&Servers::start().await, Mutation::default()).await);
    }

    #[tokio::test]
    async fn no_two_writes_of_a_client_have_the_same_version() {
        let servers = Servers::start().await;
        let client = servers.client(1, Mutation::default());
        for node in [0, 1] {
            client.write_at(node, "k", "v").await;
        }
        let [one, other] = [client.held_by(0, "k").await, client.held_by(1, "k").await];
        assert_ne!(one.unwrap().version, other.unwrap().version);
    }

    #[cfg(feature = "mutants")]
    mod mutants {
        use super::*;

        #[tokio::test]
        async fn do_not_write_back() {
            assert!(!writes_back(&Servers::start().await, Mutant::SkipWriteBack).await);
        }

        #[tokio::test]
        async fn give_an_old_version_to_a_new_value() {
            let servers = Servers::start().await;
            let (client, mutant) =
                (servers.client(1, Mutation::default()), servers.client(2, Mutant::SameVersion));
            for value in ["1", "2"] {
                client.write(client.storage(), "k", value).await.unwrap();
            }
            mutant.write(mutant.storage(), "k", "3").await.unwrap();
            assert_eq!(client.read(client.storage(), "k").await.unwrap().unwrap(), "2");
        }

        #[tokio::test]
        async fn take_the_contacted_for_all() {
            let servers = Servers::start().await;
            let mutant = servers.client(1, Mutant::MajorityOverContacted);
            // No other node is connected: the calls to one connect to it.
            mutant.held_by(3, "k").await;
            mutant.write(mutant.storage(), "k", "v").await.unwrap();
            for node in 0..5 {
                assert_eq!(mutant.held_by(node, "k").await.is_some(), node == 3, "node {node}");
            }
        }
    }
}
