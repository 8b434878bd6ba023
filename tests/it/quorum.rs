//! Enough replies decide, and a call ends as soon as enough can't come any more.

use std::time::Duration;

use quorum_runtime::{Majority, NodeError, QuorumErrorKind, Replies, Request, Verdict};
use quorum_tests::recorder::{
    Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderQuorumSpec,
};
use quorum_tests::{PATIENCE, cluster, item, text};

/// The sum of a majority's numbers, each multiplied by its node, unless a node says 13.
struct Sum;

impl RecorderQuorumSpec for Sum {
    fn record(&self, request: &Item, replies: &Replies<Item>) -> Verdict<Item> {
        if request.number == 13 {
            return Verdict::failed("13 was asked for");
        }
        if !replies.is_quorum(&Majority) {
            return Verdict::Pending;
        }
        Verdict::Done(item(
            replies.iter().map(|(node, reply)| reply.number * u64::from(node.get())).sum(),
        ))
    }
}

#[tokio::test]
async fn the_specification_makes_the_result_of_tagged_replies() {
    let (_servers, manager) = cluster::<1>().await;
    let sum = manager.recorder(Sum).unwrap().record(item(7)).await.unwrap();
    assert_eq!(sum.number, 7);
}

#[tokio::test]
async fn a_call_that_has_its_quorum_does_not_wait_for_a_slow_node() {
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    // Node 3 is stuck in a handler of this client, and answers nothing after it.
    let stuck = manager.node(3).unwrap().ask(text("wait"));
    for number in 0..10 {
        assert_eq!(recorder.record(item(number)).await.unwrap().number, number);
    }
    assert_eq!(servers[2].recording().noted(), [0_u64; 0]);
    servers[2].recording().open(1);
    stuck.await.unwrap();
}

#[tokio::test]
async fn another_quorum_function_can_decide_one_call() {
    let (_servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Sum).unwrap();
    assert_eq!(recorder.record(item(5)).majority().await.unwrap().number, 5);
    let all = recorder.record(item(5)).decide(|request, replies: &Replies<Item>| {
        assert_eq!(request.number, 5);
        (replies.len() == 3).then(|| replies.len()).into()
    });
    assert_eq!(all.await.unwrap(), 3);
}

#[tokio::test]
async fn a_quorum_function_can_fail_the_call() {
    let (_servers, manager) = cluster::<3>().await;
    let error = manager.recorder(Sum).unwrap().record(item(13)).await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::Failed("13 was asked for".to_owned()));
    assert_eq!(
        error.to_string(),
        "recorder.Recorder.Record failed because 13 was asked for: 1 of 3 nodes replied"
    );
}

#[tokio::test]
async fn a_call_ends_at_once_when_no_quorum_can_come_any_more() {
    let (mut servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    // Node 1 answers nothing, so that the call can only end by the failures of the others.
    let _stuck = manager.node(1).unwrap().ask(text("wait"));
    servers[1].kill();
    servers[2].kill();
    let begun = tokio::time::Instant::now();
    let error = recorder.record(item(1)).await.unwrap_err();
    assert!(begun.elapsed() < PATIENCE / 2, "took {:?}", begun.elapsed());
    assert_eq!(*error.kind(), QuorumErrorKind::NoQuorum);
    let [two, three] = [1, 2].map(|index: usize| servers[index].address());
    assert_eq!(
        error.to_string(),
        format!(
            "recorder.Recorder.Record can reach no quorum: 0 of 3 nodes replied; node 2 ({two}): \
             cannot connect: connection refused; node 3 ({three}): cannot connect: connection refused"
        )
    );
}

#[tokio::test]
async fn the_deadline_of_a_request_ends_its_call_and_names_the_silent_nodes() {
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let stuck = [2, 3].map(|node| manager.node(node).unwrap().ask(text("wait")));
    let mut request = Request::new(item(1));
    request.set_timeout(Duration::from_millis(100));
    let error = recorder.record(request).await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::Deadline(Duration::from_millis(100)));
    let [two, three] = [1, 2].map(|index: usize| servers[index].address());
    assert_eq!(
        error.to_string(),
        format!(
            "recorder.Recorder.Record had no quorum in 100ms: 1 of 3 nodes replied; node 2 ({two}): \
             no reply within 100ms; node 3 ({three}): no reply within 100ms"
        )
    );
    servers[1].recording().open(1);
    servers[2].recording().open(1);
    for call in stuck {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_configuration_of_some_nodes_counts_its_majority_over_them() {
    let (servers, manager) = cluster::<5>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let pair = recorder.with_members([2, 4]).unwrap();
    assert_eq!(pair.members().len(), 2);
    let all = pair.record(item(1)).decide(|_, replies: &Replies<Item>| replies.first_of(&Majority));
    all.await.unwrap();
    let noted: Vec<_> = servers.iter().map(|server| server.recording().noted().len()).collect();
    assert_eq!(noted, [0, 1, 0, 1, 0]);
}

#[tokio::test]
async fn failures_are_seen_by_the_quorum_function_with_their_nodes() {
    let (mut servers, manager) = cluster::<3>().await;
    servers[1].kill();
    let recorder = manager.recorder(Majority).unwrap();
    let failed = recorder.record(item(1)).decide(|_, replies: &Replies<Item>| {
        replies.failures().map(|(node, error)| (node, error.clone())).next().into()
    });
    let (node, error) = failed.await.unwrap();
    assert_eq!(node.get(), 2);
    assert!(matches!(error, NodeError::Unreachable(_)), "{error:?}");
}
