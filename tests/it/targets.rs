//! Contacting fewer never weakens a quorum.

use std::time::Duration;

use quorum_runtime::{ConfigurationError, Majority, Node, QuorumErrorKind};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{PATIENCE, cluster, item, text};

fn ids(nodes: &[Node]) -> Vec<u32> {
    nodes.iter().map(|node| node.id().get()).collect()
}

#[tokio::test]
async fn a_majority_after_fastest_two_of_five_fails_at_once_and_never_returns_a_value() {
    let (_servers, manager) = cluster::<5>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let begun = tokio::time::Instant::now();
    let error = recorder.fastest(2).record(item(1)).await.unwrap_err();
    assert!(begun.elapsed() < PATIENCE / 4, "took {:?}", begun.elapsed());
    assert_eq!(*error.kind(), QuorumErrorKind::TargetsHoldNoQuorum);
    assert_eq!(
        error.to_string(),
        "recorder.Recorder.Record: the targets hold no quorum, they are 2 of 5 members"
    );
    let error = recorder.fastest(2).record(item(1)).majority().await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::TargetsHoldNoQuorum);
    let error = recorder.fastest(2).record(item(1)).levels(|_, replies| {
        replies.first_of(&Majority).map(|reply| quorum_runtime::Level::new(1, reply))
    });
    assert_eq!(*error.await.unwrap_err().kind(), QuorumErrorKind::TargetsHoldNoQuorum);
}

#[tokio::test]
async fn three_of_five_targets_hold_a_majority_of_five_and_not_one_more_failure() {
    let (mut servers, manager) = cluster::<5>().await;
    let recorder = manager.recorder(Majority).unwrap().only([1, 2, 3]).unwrap();
    assert_eq!(recorder.members().len(), 5);
    recorder.record(item(1)).await.unwrap();
    assert_eq!(servers[4].recording().noted(), [0_u64; 0], "node 5 was not contacted");
    servers[2].kill();
    let error = recorder.record(item(2)).await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::NoQuorum);
    assert_eq!(error.failures().len(), 1, "the two that are alive are no majority of five");
}

#[tokio::test]
async fn a_retry_without_the_failed_nodes_counts_the_same_quorum() {
    let (mut servers, manager) = cluster::<3>().await;
    servers[0].kill();
    let recorder = manager.recorder(Majority).unwrap();
    let all =
        recorder.record(item(1)).decide(|_, replies| (replies.len() == 3).then_some(()).into());
    let error = all.await.unwrap_err();
    let rest = recorder.without_failed(&error);
    assert_eq!(ids(rest.targets()), [2, 3]);
    assert_eq!(rest.members().len(), 3);
    rest.record(item(2)).await.unwrap();
    servers[1].kill();
    let error = rest.record(item(3)).await.unwrap_err();
    assert_eq!(ids(rest.without_failed(&error).targets()), [3]);
    let error = rest.without_failed(&error).record(item(4)).await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::TargetsHoldNoQuorum);
}

#[tokio::test]
async fn the_fastest_are_those_that_answer_soonest() {
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    // Node 1 takes its time, node 3 is not asked at all.
    let slow = manager.node(1).unwrap().ask(text("wait"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    servers[0].recording().open(1);
    slow.await.unwrap();
    manager.node(2).unwrap().ask(item(1)).await.unwrap();
    assert!(manager.node(1).unwrap().latency() > manager.node(2).unwrap().latency());
    assert_eq!(manager.node(3).unwrap().latency(), None);
    assert_eq!(ids(recorder.fastest(2).targets()), [2, 1]);
    assert_eq!(ids(recorder.fastest(99).targets()), [2, 1, 3]);
    assert_eq!(ids(recorder.sort_by(|a, b| b.id().cmp(&a.id())).targets()), [3, 2, 1]);
}

#[tokio::test]
async fn members_that_are_not_there_are_named() {
    let (_servers, manager) = cluster::<2>().await;
    let recorder = manager.recorder(Majority).unwrap();
    assert_eq!(recorder.only([1, 7]).unwrap_err(), ConfigurationError::NoMember(7.into()));
    let pair = recorder.with_members([2]).unwrap();
    assert_eq!(pair.only([1]).unwrap_err(), ConfigurationError::NoMember(1.into()));
    let nobody = recorder.only([0_u32; 0]).unwrap();
    let error = nobody.record(item(1)).await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::TargetsHoldNoQuorum);
    let members = recorder.members().difference(pair.members());
    assert_eq!(ids(recorder.with_members(members.iter()).unwrap().targets()), [1]);
}
