//! The ways to get something out of a quorum call.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use quorum_runtime::{Majority, NodeError, Replies, Verdict};
use quorum_tests::recorder::{
    Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderQuorumSpec,
};
use quorum_tests::{cluster, eventually, item, text};

/// The largest number of a majority.
struct Largest;

impl RecorderQuorumSpec for Largest {
    fn record(&self, _: &Item, replies: &Replies<Item>) -> Verdict<Item> {
        largest(replies)
    }
}

fn largest(replies: &Replies<Item>) -> Verdict<Item> {
    if !replies.is_quorum(&Majority) {
        return Verdict::Pending;
    }
    replies.values().max_by_key(|reply| reply.number).cloned().into()
}

#[tokio::test]
async fn four_styles_give_the_same_answer_on_the_same_cluster() {
    let (_servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Largest).unwrap();

    let by_specification = recorder.record(item(7)).await.unwrap();
    let by_terminal = recorder.record(item(7)).majority().await.unwrap();
    let by_closure = recorder.record(item(7)).decide(|_, replies| largest(replies)).await.unwrap();
    let replies = recorder.record(item(7)).replies();
    let replies: Vec<_> = replies.take(2).map(|reply| reply.result.unwrap()).collect().await;
    let by_stream = replies.into_iter().max_by_key(|reply| reply.number).unwrap();

    for answer in [by_specification, by_terminal, by_closure, by_stream] {
        assert_eq!(answer.number, 7);
    }
}

#[tokio::test]
async fn replies_come_one_by_one_with_their_nodes_and_so_do_failures() {
    let (mut servers, manager) = cluster::<3>().await;
    servers[1].kill();
    let recorder = manager.recorder(Majority).unwrap();
    let mut seen = BTreeSet::new();
    let mut replies = recorder.record(item(7)).replies();
    while let Some(reply) = replies.next().await {
        seen.insert(reply.node.get());
        match reply.node.get() {
            2 => assert!(matches!(reply.result, Err(NodeError::Unreachable(_)))),
            _ => assert_eq!(reply.result.unwrap().number, 7),
        }
    }
    assert_eq!(seen, BTreeSet::from([1, 2, 3]));
}

#[tokio::test]
async fn late_replies_are_there_after_the_result() {
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Largest).unwrap();
    let stuck = manager.node(3).unwrap().ask(text("wait"));
    let mut call = recorder.record(item(7));
    assert_eq!(call.result().await.unwrap().number, 7);
    servers[2].recording().open(1);
    let late = call.next().await.unwrap();
    assert_eq!((late.node.get(), late.result.unwrap().number), (3, 7));
    assert!(call.next().await.is_none());
    stuck.await.unwrap();
}

#[tokio::test]
async fn a_quorum_call_can_be_watched_as_it_improves() {
    let (_servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let mut call = recorder.record(item(7)).correctable();
    let strong = call.level(3).await.unwrap();
    assert!(strong.is_last && strong.value.number == 7);
    let levels: Vec<_> = recorder.record(item(7)).correctable().collect().await;
    let levels: Vec<_> = levels.into_iter().map(|level| level.unwrap().number).collect();
    assert_eq!(levels, [1, 2, 3]);
}

#[tokio::test]
async fn nodes_stop_when_nobody_watches_any_more() {
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    // More than may run at once at a node, so that one that went on would be missed.
    for round in 1..=1100 {
        let mut watch = recorder.watch(item(round));
        watch.next().await.unwrap().unwrap();
        drop(watch);
    }
    recorder.record(item(7)).all().await.unwrap();
    let is_quiet = |(begun, ended)| begun == ended;
    let quiet = || servers.iter().all(|server| is_quiet(server.recording().watches()));
    eventually("the last watch ends", quiet).await;
    let begun: usize = servers.iter().map(|server| server.recording().watches().0).sum();
    assert!(begun > 1024, "a node whose request was not sent yet is spared it: {begun}");
}

#[tokio::test]
async fn more_watches_than_may_run_can_still_be_stopped() {
    let ([server], manager) = cluster::<1>().await;
    let recorder = manager.recorder(Largest).unwrap();
    let watches: Vec<_> = (0..1500).map(|_| recorder.watch(text("slowly"))).collect();
    eventually("as many as may run", || server.recording().watches().0 == 1024).await;
    drop(watches);
    assert_eq!(recorder.record(item(7)).await.unwrap().number, 7);
    let is_quiet = |(begun, ended)| begun == ended;
    eventually("the last watch ends", || is_quiet(server.recording().watches())).await;
}

#[tokio::test]
async fn a_level_that_does_not_come_is_an_error() {
    let (mut servers, manager) = cluster::<3>().await;
    servers[0].kill();
    let recorder = manager.recorder(Majority).unwrap();
    let mut call = recorder.record(item(7)).correctable();
    assert_eq!(call.level(2).await.unwrap().number, 2);
    let error = call.level(3).await.unwrap_err();
    assert_eq!(error.failures()[0].node.get(), 1);
}
