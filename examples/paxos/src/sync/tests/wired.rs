//! Two nodes on real sockets and disks: a copy while commits go on, then a comparison of the two.

use std::time::Duration;

use prost::Message as _;
use quorum_runtime::{Manager, Server};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::world::{Parts, own};
use crate::compare::{self, Comparison};
use crate::config::CHUNK_KEYS;
use crate::consensus::Role;
use crate::map::Map;
use crate::map::tests::{command, put};
use crate::mutant::Mutation;
use crate::paxos::command::Operation;
use crate::paxos::{Batch, SyncProgress, SynchronisationServer, SynchroniseRequest};
use crate::sync::{Own, Synchronisation};

/// How many keys a slot has when a store is filled.
const FILL: u64 = 1000;

struct Node {
    parts: Parts,
    sync: Synchronisation,
    tasks: [JoinHandle<()>; 2],
    _folder: TempDir,
}

fn slot_of(from: u64, keys: u64) -> Batch {
    let value = "v".repeat(100);
    let keys = from..from + keys;
    Batch {
        commands: keys.map(|key| command(0, 0, put(&format!("key{key:09}"), &value))).collect(),
    }
}

impl Node {
    async fn start(manager: &Manager, listener: TcpListener, number: u32, keys: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut map = Map::open(
            folder.path(),
            &own("", number, Mutation::default()).identity,
            true,
            Mutation::default(),
        )
        .unwrap();
        for slot in 1..=keys / FILL {
            map.execute(&[(slot, slot_of((slot - 1) * FILL, FILL))]).unwrap();
        }
        map.persist().unwrap();
        drop(map);
        let own = Own { chunk_keys: CHUNK_KEYS, ..own(folder.path(), number, Mutation::default()) };
        let parts = Parts::open(&own).await.unwrap();
        let role = watch::Sender::new(Role::default());
        let sync = parts.synchronisation(manager, role.subscribe(), own);
        let server = Server::builder()
            .service(SynchronisationServer::new(sync.clone()))
            .peers(manager)
            .serve_with_listener(listener, std::future::pending());
        let served = tokio::spawn(async move { server.await.unwrap() });
        let runs = sync.clone();
        let running = tokio::spawn(async move { runs.run().await });
        Self { parts, sync, tasks: [served, running], _folder: folder }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What came of a copy.
struct Copied {
    progress: SyncProgress,
    compared: Comparison,
}

/// Copies a store of so many keys while there are so many commits a second.
async fn copy(keys: u64, commits_a_second: u64) -> Copied {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap().to_string());
        listeners.push(listener);
    }
    let manager = |own| Manager::builder().nodes(&addresses).local(own).build().unwrap();
    let managers = [manager(1_u32), manager(2)];
    let new = Node::start(&managers[1], listeners.pop().unwrap(), 2, 0).await;
    let old = Node::start(&managers[0], listeners.pop().unwrap(), 1, keys).await;

    let mut ticks = interval(Duration::from_micros(1_000_000 / commits_a_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let first = keys / FILL;
    let (mut slot, mut log, begun) = (first, Vec::new(), Instant::now());
    while new.sync.progress().completed == 0 {
        ticks.tick().await;
        let key = slot * 7919 % (keys + keys / 100);
        let batch: bytes::Bytes = slot_of(key, 1).encode_to_vec().into();
        log.push(batch.clone());
        slot += 1;
        old.parts.learn(slot, [batch]).await.unwrap();
        old.parts.learner.reached(slot).await;
        if slot == first + 20 {
            new.sync.ask(SynchroniseRequest::default());
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", new.sync.progress());
    }

    // What was chosen since is learned from the log; then both keep a snapshot.
    let scrub = Batch { commands: vec![command(0, 0, Operation::Scrub(5))] };
    log.push(scrub.encode_to_vec().into());
    old.parts.learn(slot + 1, log.last().cloned()).await.unwrap();
    let applied = new.parts.learner.applied();
    let rest = log[(applied - first) as usize..].to_vec();
    new.parts.learn(applied + 1, rest).await.unwrap();
    let nodes = [1.into(), 2.into()];
    let compared = compare::online(&managers[0], 5, nodes, 9, |_| ()).await.unwrap();
    let progress = new.sync.progress();
    Copied { progress, compared }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_given_ten_thousand_keys_while_commits_go_on() {
    let copied = copy(10_000, 500).await;
    let told = copied.compared.to_string();
    assert!(told.starts_with("equal: 10"), "{told}");
    assert!(
        copied.progress.keys >= 10_000 && copied.progress.restarts == 0,
        "{:?}",
        copied.progress
    );
}
