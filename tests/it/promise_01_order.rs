//! **1. Order.** Per client and node, requests are handled in the order of the calls.
//!
//! Every call type goes through one queue and one stream, so the numbers that a node notes are those
//! of the calls, in their order; what takes no turn, or gives it up, is told apart. Across broken
//! connections [`cuts`](crate::cuts) shows the same.

use std::time::Duration;

use futures::future::try_join_all;
use quorum_runtime::Majority;
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{End, cluster, eventually, item, proxied, text, waiting};

#[tokio::test]
async fn ten_thousand_quorum_writes_issued_without_awaiting_arrive_everywhere_in_call_order() {
    const WRITES: u64 = 10_000;
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();

    let calls: Vec<_> = (0..WRITES).map(|number| recorder.record(item(number))).collect();

    let replies = try_join_all(calls.into_iter().map(IntoFuture::into_future)).await.unwrap();
    assert!(replies.iter().map(|reply| reply.number).eq(0..WRITES));
    for server in &servers {
        let all = || server.recording().noted().len() as u64 == WRITES;
        eventually("the last write at every server", all).await;
        assert!(server.recording().noted().into_iter().eq(0..WRITES), "{}", server.address());
    }
}

#[tokio::test]
async fn calls_of_every_type_share_one_order() {
    let (servers, manager) = cluster::<1>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let node = manager.node(1).unwrap();
    let mut calls = Vec::new();
    for number in (0..1000).step_by(4) {
        drop(recorder.note(item(number)));
        drop(node.tell(item(number + 1)));
        drop(recorder.record(item(number + 2)));
        calls.push(node.ask(item(number + 3)));
    }
    try_join_all(calls.into_iter().map(IntoFuture::into_future)).await.unwrap();
    assert!(servers[0].recording().noted().into_iter().eq(0..1000));
}

#[tokio::test]
async fn a_handler_that_waits_holds_up_the_next_requests_of_its_client() {
    let ([server], manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    let first = node.ask(waiting(1));
    let mut second = node.ask(item(2)).into_future();

    let early = tokio::time::timeout(Duration::from_millis(100), &mut second).await;
    assert!(early.is_err(), "the second request was handled beside the first: {early:?}");
    server.recording().open(1);

    first.await.unwrap();
    second.await.unwrap();
    assert_eq!(server.recording().noted(), [1, 2]);
}

#[tokio::test]
async fn a_handler_that_releases_lets_the_next_requests_begin() {
    let ([server], manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    let mut releasing = text("release");
    releasing.number = 1;
    let first = node.ask(releasing);
    for number in 2..5 {
        node.ask(item(number)).await.unwrap();
    }
    assert_eq!(server.recording().noted(), [2, 3, 4], "the first still waits");
    server.recording().open(1);
    assert_eq!(first.await.unwrap().number, 1);
    assert_eq!(server.recording().noted(), [2, 3, 4, 1]);
}

#[tokio::test]
async fn handlers_of_an_unordered_method_run_beside_each_other() {
    let ([server], manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    let waiting: Vec<_> = (0..10).map(|_| node.ask_beside(text("wait"))).collect();
    let turn = node.ask(text("wait"));
    assert_eq!(node.ask_beside(item(7)).await.unwrap().number, 7);
    assert_eq!(node.ask_beside(item(8)).await.unwrap().number, 8, "nor does a turn hold them up");
    server.recording().open(11);
    turn.await.unwrap();
    assert_eq!(node.ask(item(9)).await.unwrap().number, 9);
    try_join_all(waiting.into_iter().map(IntoFuture::into_future)).await.unwrap();
    assert_eq!(server.recording().noted()[..2], [7, 8]);
}

#[tokio::test]
async fn the_latest_message_takes_the_place_of_those_that_were_not_sent() {
    let ([server], manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    // Nothing is connected yet and this task does not yield, so all of them meet in the queue.
    let beats: Vec<_> = (0..100).map(|number| node.beat(item(number))).collect();
    let told = node.tell(item(1000));
    let outcomes = futures::future::join_all(beats.into_iter().map(IntoFuture::into_future)).await;
    told.await.unwrap();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(
        outcomes[0].as_ref().unwrap_err().to_string().ends_with("a newer message took its place")
    );
    eventually("the last", || server.recording().noted() == [99, 1000]).await;
}

/// The client is reset and connects anew, while the node has not noticed that the old connection is
/// gone, and holds requests that came on it.
#[tokio::test]
async fn what_an_old_connection_left_behind_is_not_handled_after_what_came_later() {
    let ([server], [proxy], manager) = proxied::<1>().await;
    let node = manager.node(1).unwrap();
    let (first, second) = (node.ask(waiting(1)).into_future(), node.ask(item(2)).into_future());
    eventually("the first handler waits", || server.recording().waited() == 1).await;

    proxy.cut_now(End::ClientAlone);
    first.await.unwrap_err();
    second.await.unwrap_err();
    let third = node.ask(item(3)).into_future();
    eventually("the client is back", || proxy.connections() == 2).await;
    let replied = tokio::time::timeout(Duration::from_millis(200), third).await;
    server.recording().open(1);

    // Time for what should not happen.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let noted = server.recording().noted();
    assert!(noted.is_sorted(), "handled in the order {noted:?}; {replied:?}");
}
