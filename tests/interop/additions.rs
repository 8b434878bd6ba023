//! What is ours on the wire does not reach nodes in Go, and what is theirs alone is tolerated.

use std::time::Duration;

use quorum_runtime::{NodeError, Request};
use quorum_tests::calls::{Text, UnicastNode as _};
use quorum_tests::recorder::{
    Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _,
};
use quorum_tests::{TestServer, builder, eventually, item};

use crate::go::Go;
use crate::rust_to_go::{Endless, Highest, manager};

#[tokio::test]
async fn deadlines_and_cancellations_stay_here() {
    let Some(go) = Go::programs() else { return };
    let mut servers = go.servers::<1>().await;
    let manager = manager(&servers);
    let node = manager.node(1).unwrap();
    // Before the server has told who it is, and after.
    for number in 1..=2 {
        let mut request = Request::new(item(number));
        request.set_timeout(Duration::from_secs(5));
        request.metadata_mut().insert("trace", "17".parse().unwrap());
        node.ask(request).await.unwrap();
    }
    let mut late = Request::new(Item { number: 3, text: "wait".to_owned() });
    late.set_timeout(Duration::from_millis(50));
    let error = node.ask(late).await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Deadline { .. }), "{error}");
    servers[0].open(1).await;
    node.ask(Item { number: 4, text: "metadata".to_owned() }).cancel();
    let mut watch = manager.recorder(Highest).unwrap().watch(item(5));
    watch.next().await.unwrap().unwrap();
    watch.cancel();
    node.ask(item(6)).await.unwrap();
    let seen = servers[0].seen().await;
    assert_eq!(seen.entries.unwrap(), ["trace", "trace"]);
    assert_eq!(seen.nameless, 0, "no message without a method");
    // What was given up before it was sent did not come; all else did, and in its order.
    assert!((5..=6).contains(&seen.messages), "{}", seen.messages);
    assert!([&[1, 2, 3, 6][..], &[1, 2, 3, 4, 6]].contains(&&*seen.noted), "{:?}", seen.noted);
}

#[tokio::test]
async fn our_headers_are_the_only_ones_that_a_node_in_go_sees_of_us() {
    let Some(go) = Go::programs() else { return };
    let mut servers = go.servers::<1>().await;
    let manager = manager(&servers);
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
    assert_eq!(manager.node(1).unwrap().incarnation(), None, "it tells none");
    let mut ours = servers[0].seen().await.headers.unwrap();
    ours.retain(|key| key.starts_with("quorum-") || key.starts_with("gorums-"));
    ours.sort();
    assert_eq!(ours, ["quorum-incarnation", "quorum-stream", "quorum-wire"]);
}

#[tokio::test]
async fn a_node_of_ours_learns_deadlines_beside_one_in_go() {
    let Some(go) = Go::programs() else { return };
    let (ours, mut theirs) = (TestServer::start().await, go.server().await);
    let addresses = [ours.address(), theirs.address().to_owned()];
    let manager = builder(addresses).build().unwrap();
    let recorder = manager.recorder(Highest).unwrap();
    recorder.record(item(1)).all().await.unwrap();
    assert!(manager.node(1).unwrap().incarnation().is_some());
    let mut watch = manager.recorder(Endless).unwrap().watch(item(5));
    watch.next().await.unwrap().unwrap();
    eventually("its beginning", || ours.recording().watches().0 == 1).await;
    watch.cancel();
    // Ours was told to stop, the other could not be.
    eventually("its end", || ours.recording().watches().1 == 1).await;
    recorder.record(item(2)).all().await.unwrap();
    let seen = theirs.seen().await;
    assert_eq!((seen.noted, seen.entries, seen.nameless), (vec![1, 2], None, 0));
}

#[tokio::test]
async fn an_answer_to_a_one_way_message_is_tolerated() {
    let Some(go) = Go::programs() else { return };
    let mut servers = go.servers::<1>().await;
    let manager = manager(&servers);
    let node = manager.node(1).unwrap();
    // The server has no such method and says so, though nobody waits for that.
    for _ in 0..100 {
        node.call(Text::default()).await.unwrap();
    }
    node.ask(item(1)).await.unwrap();
    let seen = servers[0].seen().await;
    assert_eq!((seen.messages, seen.streams), (101, 1));
    assert_eq!(node.losses().undelivered, 0);
}
