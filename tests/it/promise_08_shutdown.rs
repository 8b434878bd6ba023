//! 8. **Shutdown** is graceful: what was accepted is finished or answered, then connections close;
//!    no task is left.
//!
//! Every test has its servers in its own runtime, and counts the tasks of that.

use std::time::Duration;

use quorum_runtime::{Level, Manager, NodeError, Replies, Server, Verdict};
use quorum_tests::recorder::{
    Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderQuorumSpec,
    RecorderServer,
};
use quorum_tests::{Hosted, PATIENCE, Recording, eventually, host, item, text};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

const DRAIN: Duration = Duration::from_millis(200);

async fn recorder(recording: &Recording) -> (Hosted, Manager) {
    let service = RecorderServer::new(recording.clone());
    let hosted = host(Server::builder().service(service).drain_timeout(DRAIN)).await;
    let manager = Manager::builder().nodes([hosted.address()]).timeout(PATIENCE).build().unwrap();
    (hosted, manager)
}

/// Every reply is a level, and none is the last.
struct Endless;

impl RecorderQuorumSpec for Endless {
    fn watch(&self, _: &Item, replies: &Replies<Item>) -> Verdict<Level<Item>> {
        replies.values().last().map(|item| Level::new(1, item.clone())).into()
    }
}

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Waits until no task is left but those there were before.
async fn none_but(before: usize) {
    eventually("the end of all tasks", || tasks() <= before).await;
}

#[tokio::test]
async fn a_server_with_idle_clients_stops_at_once() {
    let before = tasks();
    let recording = Recording::default();
    let (server, manager) = recorder(&recording).await;
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
    let begin = Instant::now();
    server.stop().await;
    assert!(begin.elapsed() < DRAIN, "{:?}", begin.elapsed());
    drop(manager);
    none_but(before).await;
}

#[tokio::test]
async fn what_was_accepted_is_answered_and_nothing_more_is_begun() {
    let before = tasks();
    let recording = Recording::default();
    let (server, manager) = recorder(&recording).await;
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    let mut waits = text("wait");
    waits.number = 2;
    let accepted = node.ask(waits);
    let behind = node.ask(item(3));
    tokio::time::sleep(DRAIN / 4).await;
    let stopping = server.begin_to_stop();
    tokio::time::sleep(DRAIN / 4).await;
    recording.open(1);
    assert_eq!(accepted.await.unwrap().number, 2);
    stopping.await.unwrap().unwrap();
    // It was read ahead of its turn, so it was accepted as well.
    assert_eq!(behind.await.unwrap().number, 3);
    let error = node.ask(item(4)).await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Unreachable(_)), "{error}");
    assert_eq!(recording.noted(), [1, 2, 3]);
    drop((node, manager));
    none_but(before).await;
}

#[tokio::test]
async fn handlers_that_do_not_end_are_cut_off_at_a_stated_time() {
    let before = tasks();
    let recording = Recording::default();
    let (server, manager) = recorder(&recording).await;
    let node = manager.node(1).unwrap();
    let held = node.ask(text("wait"));
    let beside = node.ask_beside(text("wait"));
    let mut watch = manager.recorder(Endless).unwrap().watch(text("slowly"));
    watch.next().await.unwrap().unwrap();
    let mut session = node.chat();
    session.send(text("deaf")).await.unwrap();
    tokio::time::sleep(DRAIN / 4).await;

    let begin = Instant::now();
    server.stop().await;
    let took = begin.elapsed();
    assert!((DRAIN..DRAIN * 4).contains(&took), "{took:?}");
    for call in [held, beside] {
        let error = call.await.unwrap_err();
        assert!(matches!(error.failure().error, NodeError::Disconnected(_)), "{error}");
    }
    watch.next().await.unwrap().unwrap_err();
    session.next().await.unwrap().unwrap_err();
    let (begun, ended) = recording.watches();
    assert_eq!((begun, ended, recording.sessions_ended()), (1, 1, 1), "handlers were dropped");
    drop((watch, session, node, manager));
    none_but(before).await;
}

#[tokio::test]
async fn a_peer_that_never_speaks_does_not_keep_the_server() {
    let before = tasks();
    let recording = Recording::default();
    let (server, _manager) = recorder(&recording).await;
    let mut mute = TcpStream::connect(server.address()).await.unwrap();
    tokio::time::sleep(DRAIN / 4).await;
    let begin = Instant::now();
    server.stop().await;
    assert!(begin.elapsed() < DRAIN * 4, "{:?}", begin.elapsed());
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, mute.read_to_end(&mut rest)).await;
    closed.expect("its connection is closed").ok();
    none_but(before).await;
}

#[tokio::test]
async fn a_server_that_is_dropped_ends_at_once() {
    let before = tasks();
    let recording = Recording::default();
    let (server, manager) = recorder(&recording).await;
    let node = manager.node(1).unwrap();
    let held = node.ask(text("wait"));
    let mut watch = manager.recorder(Endless).unwrap().watch(text("slowly"));
    watch.next().await.unwrap().unwrap();
    server.abort();
    let error = held.await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Disconnected(_)), "{error}");
    watch.next().await.unwrap().unwrap_err();
    drop((watch, node, manager));
    none_but(before).await;
    assert_eq!(recording.watches(), (1, 1));
}

#[tokio::test]
async fn what_is_queued_is_sent_when_the_last_handle_goes() {
    let before = tasks();
    let recording = Recording::default();
    let (server, manager) = recorder(&recording).await;
    for number in 1..=100 {
        let _unawaited = manager.node(1).unwrap().tell(item(number));
    }
    drop(manager);
    eventually("all to arrive", || recording.noted().len() == 100).await;
    server.stop().await;
    none_but(before).await;
}
