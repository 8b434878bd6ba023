//! What the register promises, at servers of this process.

use std::time::Duration;

use super::*;
use crate::cluster::{CLUSTER, Cluster};
use crate::connection::connect;
use crate::storage::StorageNode as _;

/// Five servers, and clients of them.
struct Servers(Cluster);

impl Servers {
    async fn start() -> Self {
        Self(Cluster::start(5, None, None).await.unwrap())
    }

    fn client(&self, writer: u32, mutation: impl Into<Mutation>) -> Client {
        let manager =
            connect(CLUSTER, self.0.addresses(), Duration::from_secs(10)).build().unwrap();
        Client::new(manager, Register::default(), writer, mutation.into()).unwrap()
    }
}

impl Client {
    async fn held(&self, node: u32, key: &str) -> Option<Entry> {
        self.held_by(&self.node(node).unwrap(), key).await.unwrap()
    }

    /// Writes to one node alone.
    async fn write_at(&self, node: u32, key: &str, value: &str) {
        let node = self.node(node).unwrap();
        let entry = Some(self.newer_at(&node, key, value).await.unwrap());
        let write = WriteRequest { key: key.to_owned(), entry };
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
    client.held(1, "k").await.is_some()
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
    let [one, other] = [client.held(0, "k").await, client.held(1, "k").await];
    assert_ne!(one.unwrap().version, other.unwrap().version);
}

#[tokio::test]
async fn a_writer_who_is_alone_asks_once_for_what_he_wrote_before() {
    let servers = Servers::start().await;
    let one_writer = |writer| {
        let manager = connect(CLUSTER, servers.0.addresses(), Duration::from_secs(10)).build();
        let (register, mutation) = (Register::OneWriter, Mutation::default());
        Client::new(manager.unwrap(), register, writer, mutation).unwrap()
    };
    let before = one_writer(1);
    let [held, other] =
        [[2, 3, 4], [0, 1, 4]].map(|nodes| before.storage().with_members(nodes).unwrap());
    for value in ["1", "2", "3"] {
        before.write(&held, "k", value).await.unwrap();
    }
    // What some nodes do not hold does not tell him where he was.
    let again = one_writer(2);
    again.write(&other.with_members([0, 1]).unwrap(), "k", "4").await.unwrap();
    for value in ["5", "6", "7"] {
        again.write(again.storage(), "k", value).await.unwrap();
        let read = again.read(&held, "k").await.unwrap();
        assert_eq!(read.as_deref(), Some(value));
    }
}

#[tokio::test]
async fn a_server_stores_nothing_that_is_too_large() {
    let servers = Servers::start().await;
    let node = servers.client(1, Mutation::default()).node(0).unwrap();
    let mut entry = Entry { value: "v".repeat(limits::VALUE), ..Entry::default() };
    let write = |entry: &Entry| {
        node.write(WriteRequest { key: "k".to_owned(), entry: Some(entry.clone()) })
    };
    write(&entry).await.unwrap();
    entry.value.push('v');
    let refused = write(&entry).await.unwrap_err().to_string();
    assert!(refused.contains("the value has 1048577 bytes, and at most 1048576"), "{refused}");
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
        mutant.held(3, "k").await;
        mutant.write(mutant.storage(), "k", "v").await.unwrap();
        for node in 0..5 {
            assert_eq!(mutant.held(node, "k").await.is_some(), node == 3, "node {node}");
        }
    }
}
