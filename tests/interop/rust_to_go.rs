//! Our client, nodes in Go.

use std::time::Duration;

use futures::StreamExt as _;
use quorum_runtime::{
    Code, Level, Majority, Manager, NodeError, NodeId, Replies, Request, RpcError, Status, Verdict,
};
use quorum_tests::recorder::{
    AbsentConfiguration as _, AbsentManager as _, AbsentNode as _, Item,
    RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderQuorumSpec,
};
use quorum_tests::{builder, item, text};
use tokio::time::timeout;

use crate::go::{Go, Program};

const LARGE: usize = 5 * 1024 * 1024;

/// A manager that knows these servers as 1, 2, 3, …
pub(crate) fn manager(servers: &[Program]) -> Manager {
    builder(servers.iter().map(|server| server.address().to_owned())).build().unwrap()
}

fn cause(error: &RpcError) -> NodeError {
    error.failure().error.clone()
}

/// The largest number that any node has sent is a level, up to that of the request.
pub(crate) struct Highest;

impl RecorderQuorumSpec for Highest {
    fn record(&self, _: &Item, replies: &Replies<Item>) -> Verdict<Item> {
        replies.values().find(|_| replies.is_quorum(&Majority)).cloned().into()
    }

    fn watch(&self, asked: &Item, replies: &Replies<Item>) -> Verdict<Level<Item>> {
        let highest = replies.values().max_by_key(|item| item.number);
        let level = highest.map(|item| Level::new(item.number as u32, item.clone()));
        level
            .map(|level| if u64::from(level.number) == asked.number { level.last() } else { level })
            .into()
    }
}

#[tokio::test]
async fn every_kind_of_call_reaches_nodes_in_go() {
    let Some(go) = Go::programs() else { return };
    let mut servers = go.servers::<3>().await;
    let manager = manager(&servers);
    let recorder = manager.recorder(Highest).unwrap();
    assert_eq!(recorder.record(item(1)).await.unwrap(), item(1));
    assert_eq!(recorder.record(item(2)).all().await.unwrap(), item(2));
    recorder.note(item(3)).await.unwrap();
    let node = manager.node(2).unwrap();
    node.tell(item(4)).await.unwrap();
    assert_eq!(node.ask(item(5)).await.unwrap(), item(5));
    // An empty message has no payload on the wire.
    assert_eq!(node.ask(item(0)).await.unwrap(), item(0));
    assert_eq!(servers[0].noted(3).await, [1, 2, 3]);
    assert_eq!(servers[1].noted(6).await, [1, 2, 3, 4, 5, 0]);
    assert_eq!(servers[2].noted(3).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_node_in_go_handles_calls_in_their_order() {
    let Some(go) = Go::programs() else { return };
    let mut servers = go.servers::<1>().await;
    let manager = manager(&servers);
    let node = manager.node(1).unwrap();
    let mut calls = Vec::new();
    for number in (0..1000).step_by(2) {
        calls.push(node.ask(item(number)));
        node.tell(item(number + 1));
    }
    for (number, call) in (0..1000).step_by(2).zip(calls) {
        assert_eq!(call.await.unwrap().number, number);
    }
    assert_eq!(servers[0].noted(1000).await, (0..1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_handler_in_go_that_releases_lets_the_next_begin() {
    let Some(go) = Go::programs() else { return };
    let mut servers = go.servers::<1>().await;
    let manager = manager(&servers);
    let node = manager.node(1).unwrap();
    let held = node.ask(Item { number: 1, text: "release".to_owned() });
    node.ask(item(2)).await.unwrap();
    servers[0].open(1).await;
    held.await.unwrap();
    assert_eq!(servers[0].noted(2).await, [2, 1]);
}

#[tokio::test]
async fn statuses_of_nodes_in_go_keep_their_code_and_message() {
    let Some(go) = Go::programs() else { return };
    let servers = go.servers::<3>().await;
    let manager = manager(&servers);
    let node = manager.node(1).unwrap();
    for (asked, code, message) in
        [("fail", Code::NotFound, "no such item"), ("plain", Code::Unknown, "without a code")]
    {
        let status = Status::from(node.ask(text(asked)).await.unwrap_err());
        assert_eq!(status.code(), code);
        assert!(status.message().contains(message), "{status}");
    }
    let absent = node.call(item(1)).await.unwrap_err();
    assert_eq!(Status::from(absent).code(), Code::Unimplemented);
    let error = manager.absent(Majority).unwrap().call(item(1)).await.unwrap_err();
    assert_eq!(error.failures().len(), 2, "the second failure rules a majority out: {error}");
    node.ask(item(1)).await.unwrap();
}

#[tokio::test]
async fn metadata_of_a_call_reaches_a_handler_in_go_and_that_of_its_reply_comes_back() {
    let Some(go) = Go::programs() else { return };
    let servers = go.servers::<1>().await;
    let manager = manager(&servers);
    let mut request = Request::new(item(1));
    request.metadata_mut().insert("key", "a value".parse().unwrap());
    // Gorums sends the metadata of the request back with the reply.
    let call = manager.recorder(Highest).unwrap().record(request);
    let reply = call.map_replies(|_, item, metadata| {
        let text = metadata.get("key").unwrap().to_str().unwrap().to_owned();
        Ok(Item { text, ..item })
    });
    assert_eq!(reply.await.unwrap().text, "a value");
    let mut request = Request::new(text("metadata"));
    request.metadata_mut().insert("key", "a value".parse().unwrap());
    let reply = manager.node(1).unwrap().ask(request).await.unwrap();
    assert_eq!(reply.text, "a value");
}

#[tokio::test]
async fn replies_of_streams_in_go_come_as_they_are_sent_and_an_error_ends_them() {
    let Some(go) = Go::programs() else { return };
    let servers = go.servers::<3>().await;
    let manager = manager(&servers);
    let recorder = manager.recorder(Highest).unwrap();
    assert_eq!(recorder.watch(item(100)).await.unwrap().number, 100);

    let asked = Item { number: 2, text: "fail".to_owned() };
    let only = recorder.only([NodeId::from(1)]).unwrap();
    // The second is the number that the first has asked for, so it is not the last level.
    let mut failing = only.watch(Item { number: 2, ..asked });
    while let Some(level) = failing.next().await {
        assert!(level.unwrap().number <= 2);
    }
}

#[tokio::test]
async fn a_stream_in_go_has_no_end_but_the_deadline() {
    let Some(go) = Go::programs() else { return };
    let servers = go.servers::<1>().await;
    let manager = manager(&servers);
    let mut asked = Request::new(item(3));
    asked.set_timeout(Duration::from_millis(300));
    let mut levels = manager.recorder(Endless).unwrap().watch(asked);
    for number in 1..=3 {
        assert_eq!(levels.next().await.unwrap().unwrap().number, number);
    }
    let error = levels.next().await.unwrap().unwrap_err();
    assert!(
        error
            .failures()
            .iter()
            .all(|failure| { matches!(failure.error, NodeError::Deadline { .. }) })
    );
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
}

#[tokio::test]
async fn an_error_ends_a_stream_in_go() {
    let Some(go) = Go::programs() else { return };
    let servers = go.servers::<1>().await;
    let manager = manager(&servers);
    let asked = Item { number: 2, text: "fail".to_owned() };
    let levels = manager.recorder(Endless).unwrap().watch(asked);
    let levels: Vec<_> = levels.collect().await;
    let [first, second, error] = &levels[..] else { panic!("{levels:?}") };
    assert_eq!((first.as_ref().unwrap().number, second.as_ref().unwrap().number), (1, 2));
    let error = error.as_ref().unwrap_err();
    assert_eq!(error.failures()[0].error.code(), Code::Aborted, "{error}");
}

/// Every number is a level, and none the last.
pub(crate) struct Endless;

impl RecorderQuorumSpec for Endless {
    fn record(&self, _: &Item, replies: &Replies<Item>) -> Verdict<Item> {
        replies.values().next().cloned().into()
    }

    fn watch(&self, _: &Item, replies: &Replies<Item>) -> Verdict<Level<Item>> {
        let highest = replies.values().max_by_key(|item| item.number);
        highest.map(|item| Level::new(item.number as u32, item.clone())).into()
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_for_a_node_in_go_is_not_sent_again() {
    let Some(go) = Go::programs() else { return };
    let mut servers = go.servers::<1>().await;
    let large = || text(&"x".repeat(LARGE));
    // With the same limit on both sides it does not leave this process.
    let node = manager(&servers).node(1).unwrap();
    let (refused, after) = (node.ask(large()), node.ask(item(1)));
    assert!(matches!(cause(&refused.await.unwrap_err()), NodeError::TooLarge { .. }));
    after.await.unwrap();

    // With a larger one here, the node ends the stream; the next call finds a new one.
    let address = servers[0].address().to_owned();
    let manager = builder([address]).max_message_size(2 * LARGE).build().unwrap();
    let node = manager.node(1).unwrap();
    node.ask(item(2)).await.unwrap();
    let error = node.ask(large()).await.unwrap_err();
    assert!(matches!(cause(&error), NodeError::Disconnected(_)), "{error}");
    assert!(error.to_string().contains("larger than max"), "{error}");
    timeout(Duration::from_secs(5), node.ask(item(3)).into_future()).await.unwrap().unwrap();
    let seen = servers[0].seen().await;
    assert_eq!((seen.noted, seen.streams), (vec![1, 2, 3], 3));
}

#[tokio::test]
async fn a_reply_of_a_node_in_go_that_is_too_large_ends_its_call_and_the_node_stays() {
    let Some(go) = Go::programs() else { return };
    let servers = go.servers::<1>().await;
    let manager = manager(&servers);
    let node = manager.node(1).unwrap();
    let error = node.ask(text("large")).await.unwrap_err();
    assert!(matches!(cause(&error), NodeError::Disconnected(_)), "{error}");
    assert!(error.to_string().contains("limit"), "{error}");
    node.ask(item(1)).await.unwrap();
}

#[tokio::test]
async fn a_node_in_go_that_is_idle_keeps_its_connection() {
    let Some(go) = Go::programs() else { return };
    let mut servers = go.servers::<1>().await;
    // gRPC for Go allows a ping every five minutes, and ends the connection with the fourth that
    // comes sooner, if it has sent nothing between them.
    let address = servers[0].address().to_owned();
    let pings = Duration::from_millis(100);
    let manager = builder([address]).keep_alive(pings, Duration::from_secs(5)).build().unwrap();
    let node = manager.node(1).unwrap();
    manager.ready(&Majority).await.unwrap();
    servers[0].met(2).await;
    // From then on it is known, and a call may take longer than that.
    let waits = node.ask(text("wait"));
    tokio::time::sleep(pings * 15).await;
    servers[0].open(1).await;
    waits.await.unwrap();
    assert_eq!(servers[0].seen().await.streams, 2);
}
