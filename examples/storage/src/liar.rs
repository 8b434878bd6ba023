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
            // Its answer is not even to this write.
            Lie::Forge => return Ok(WriteReply { stored: true, version: None }),
            Lie::Replay => {}
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use example_support::identity::Identity;
    use tokio::net::TcpListener;

    use super::*;
    use crate::client::{Client, ClientError, Register};
    use crate::connection::connect;
    use crate::mutant::Mutation;
    use crate::node::Node;
    use crate::signature::Authority;
    use crate::storage::{StorageConfiguration as _, StorageServer};

    /// Servers of which the first ones lie, and their writer.
    async fn cluster(nodes: u32, lies: &[Lie]) -> Client {
        let authority = Authority::from_seed([7; 32]).unwrap();
        let mut addresses = Vec::new();
        for number in 0..nodes {
            let node = Node {
                identity: Identity::new("liars", number),
                authority: Some(authority.clone()),
                mutation: Mutation::default(),
            };
            let store = node.open(None).await.unwrap();
            let server = match lies.get(number as usize) {
                None => node.server(StorageServer::new(store)),
                Some(lie) => node.server(StorageServer::new(Liar::new(store, *lie))),
            };
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap().to_string());
            tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
        }
        let manager = connect("liars", &addresses, Duration::from_secs(10)).build().unwrap();
        Client::new(manager, Register::Signed(authority), 1, Mutation::default()).unwrap()
    }

    async fn read(client: &Client, key: &str) -> Result<Option<String>, ClientError> {
        client.read(client.storage(), key).await
    }

    #[tokio::test]
    async fn liars_never_change_the_result() {
        for (nodes, faults) in [(4, 1), (5, 1), (7, 2)] {
            for (one, other) in (0..4).map(|lie| (Lie::ALL[lie], Lie::ALL[(lie + 1) % 4])) {
                let client = cluster(nodes, &[one, other][..faults]).await;
                client.write(client.storage(), "other", "for another key").await.unwrap();
                for round in ["1", "2", "3"] {
                    client.write(client.storage(), "k", round).await.unwrap();
                    for _ in 0..3 {
                        assert_eq!(read(&client, "k").await.unwrap().as_deref(), Some(round));
                    }
                }
                let mut last = None;
                let levels = client.read_by_levels(client.storage(), "k", |level, value| {
                    last = Some((level, value.map(str::to_owned)));
                });
                levels.await.unwrap();
                assert_eq!(last, Some((3, Some("3".to_owned()))), "{one:?}, {other:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_forged_counts_towards_no_quorum() {
        // None of the replies that come is signed, and the rest are no quorum.
        for forgers in [2, 3, 4] {
            let client = cluster(4, &[Lie::Forge; 4][..forgers]).await;
            let refused = read(&client, "k").await.unwrap_err().to_string();
            assert!(refused.contains("the writer has not signed this"), "{refused}");
        }
    }

    #[tokio::test]
    async fn an_answer_to_another_write_counts_towards_no_quorum() {
        let client = cluster(4, &[Lie::Forge; 2]).await;
        let entry = client.next("k", "v", None).unwrap();
        let refused = client.store(client.storage(), "k", entry).await.unwrap_err().to_string();
        assert!(refused.contains("answers another write"), "{refused}");
    }

    #[tokio::test]
    async fn each_reply_is_verified_once() {
        static VERIFIED: AtomicUsize = AtomicUsize::new(0);
        let client = cluster(4, &[Lie::Forge]).await;
        client.write(client.storage(), "k", "v").await.unwrap();
        let request = ReadRequest { key: "k".to_owned() };
        let mut verified = client.verified("k");
        let read = client.storage().read(request).map_replies(move |node, reply, metadata| {
            VERIFIED.fetch_add(1, Ordering::Relaxed);
            verified(node, reply, metadata)
        });
        let mut replies = read.replies();
        let mut refused = 0;
        while let Some(reply) = replies.next().await {
            refused += usize::from(reply.result.is_err());
        }
        assert_eq!((VERIFIED.load(Ordering::Relaxed), refused), (4, 1));
    }
}
