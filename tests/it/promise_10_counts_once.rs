//! **10. A node counts once** per call, whatever it sends; replies are always tied to their node.
//!
//! Raw servers stand in for nodes that are broken or lie: they answer twice, answer what nobody
//! asked, or go on after they said that they were done.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use quorum_runtime::{Code, Level, Majority, Manager, NodeError, Replies, Verdict};
use quorum_tests::raw::RawServer;
use quorum_tests::recorder::{
    Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderQuorumSpec,
};
use quorum_tests::{Frame, FrameEntry, FrameStatus, builder, eventually, item};

/// A node that says these frames to each request, and says that it is one of ours.
async fn node(says: impl Fn(&Frame) -> Vec<Frame> + Clone + Send + Sync + 'static) -> RawServer {
    RawServer::start(
        || true,
        move |mut requests, said| {
            let says = says.clone();
            async move {
                while let Ok(Some(request)) = requests.message().await {
                    let request = Frame::received(request);
                    for frame in says(&request) {
                        let _ = said.send(Ok(frame.bytes())).await;
                    }
                }
            }
        },
    )
    .await
}

fn reply(request: &Frame, number: u64) -> Frame {
    Frame::new(request.sequence, "", &item(number))
}

fn failure(request: &Frame, code: Code) -> Frame {
    let status = FrameStatus { code: code.into(), message: "no".to_owned(), details: vec![] };
    Frame { sequence: request.sequence, status: Some(status), ..Frame::default() }
}

/// The mark that ends the replies of a node that gives several.
fn end(request: &Frame) -> Frame {
    let entries = vec![FrameEntry { key: "quorum-end".to_owned(), value: String::new() }];
    Frame { sequence: request.sequence, entries, ..Frame::default() }
}

fn manager(nodes: &[RawServer]) -> Manager {
    let addresses = nodes.iter().map(RawServer::address);
    builder(addresses).timeout(Duration::from_millis(500)).build().unwrap()
}

/// A node that answers five times, and two that never answer.
async fn five_and_silence() -> ([RawServer; 3], Manager) {
    let nodes = [
        node(|request| (1..=5).map(|number| reply(request, number)).collect()).await,
        node(|_| Vec::new()).await,
        node(|_| Vec::new()).await,
    ];
    let manager = manager(&nodes);
    (nodes, manager)
}

#[tokio::test]
async fn five_replies_of_one_node_are_no_majority_of_three() {
    let (_nodes, manager) = five_and_silence().await;
    let recorder = manager.recorder(Majority).unwrap();
    let error = recorder.record(item(0)).await.unwrap_err();
    assert_eq!((error.replied(), error.failures().len()), (1, 2), "{error}");
    let error = recorder.record(item(0)).threshold(2).await.unwrap_err();
    assert_eq!(error.replied(), 1, "{error}");
}

#[tokio::test]
async fn a_node_has_one_outcome_and_it_is_its_first() {
    let (_nodes, manager) = five_and_silence().await;
    let recorder = manager.recorder(Majority).unwrap();
    let outcomes: Vec<_> = recorder.record(item(0)).replies().collect().await;
    let nodes: Vec<_> = outcomes.iter().map(|outcome| outcome.node.get()).collect();
    assert_eq!(nodes, [1, 2, 3]);
    assert_eq!(outcomes[0].result.as_ref().unwrap().number, 1);
}

/// Sums what the nodes said: a reply that counted twice would show.
#[tokio::test]
async fn a_quorum_function_sees_each_node_once() {
    let nodes = [
        node(|request| vec![reply(request, 1), reply(request, 1)]).await,
        node(|request| vec![reply(request, 10), failure(request, Code::Internal)]).await,
        node(|request| vec![failure(request, Code::Aborted), reply(request, 100)]).await,
    ];
    let recorder = manager(&nodes).recorder(Majority).unwrap();
    for _ in 0..20 {
        let sums = |_: &Item, replies: &Replies<Item>| {
            let heard = replies.len() + replies.failures().count();
            let sum: u64 = replies.values().map(|reply| reply.number).sum();
            (heard == 3).then_some(sum).into()
        };
        assert_eq!(recorder.record(item(0)).decide(sums).await.unwrap(), 11);
    }
}

#[tokio::test]
async fn replies_to_what_nobody_asked_are_passed_over() {
    let nodes = [node(|request| {
        let stranger = |sequence| Frame { sequence, ..reply(request, 666) };
        vec![
            stranger(0),
            stranger(request.sequence + 1),
            stranger(request.sequence + 1_000_000),
            stranger(request.sequence | 1 << 63),
            stranger(u64::MAX),
            reply(request, 7),
        ]
    })
    .await];
    let manager = manager(&nodes);
    let node = manager.node(1).unwrap();
    // One after another: the next number is not asked yet when it is answered.
    for _ in 0..20 {
        assert_eq!(node.ask(item(0)).await.unwrap().number, 7);
    }
    assert!(node.connection_state().is_connected());
}

#[tokio::test]
async fn a_late_reply_to_a_call_that_nobody_awaits_is_not_taken_for_another() {
    let nodes = [node(|request| match request.item().number {
        0 => Vec::new(),
        number => {
            let before = Frame { sequence: request.sequence - 1, ..reply(request, 666) };
            vec![before, reply(request, number)]
        }
    })
    .await];
    let manager = manager(&nodes);
    let node = manager.node(1).unwrap();
    for number in 1..20 {
        drop(node.ask(item(0)));
        assert_eq!(node.ask(item(number)).await.unwrap().number, number);
    }
}

#[tokio::test]
async fn a_reply_is_tied_to_its_call_by_number_whatever_method_it_names() {
    let named = |request: &Frame, method: &str| Frame {
        method: method.to_owned(),
        ..reply(request, request.item().number)
    };
    let nodes = [node(move |request| {
        vec![named(request, "recorder.Recorder.Tell"), named(request, "recorder.Recorder.Ask")]
    })
    .await];
    let manager = manager(&nodes);
    let node = manager.node(1).unwrap();
    let calls: Vec<_> = (1..20).map(|number| node.ask(item(number)).into_future()).collect();
    let replies = futures::future::try_join_all(calls).await.unwrap();
    assert!(replies.iter().map(|reply| reply.number).eq(1..20));
}

#[tokio::test]
async fn a_status_counts_before_a_payload_and_code_0_is_a_success() {
    let nodes = [node(|request| {
        let code = if request.item().number == 0 { Code::Ok } else { Code::NotFound };
        let payload = item(7);
        let status = failure(request, code).status;
        vec![Frame { status, ..Frame::new(request.sequence, "", &payload) }]
    })
    .await];
    let manager = manager(&nodes);
    let node = manager.node(1).unwrap();
    assert_eq!(node.ask(item(0)).await.unwrap().number, 7);
    let error = node.ask(item(1)).await.unwrap_err();
    assert_eq!(error.failure().error.code(), Code::NotFound, "{error}");
}

#[tokio::test]
async fn a_node_that_ends_a_call_without_a_reply_has_failed() {
    let nodes = [node(|request| vec![end(request), reply(request, 7)]).await];
    let manager = manager(&nodes);
    let error = manager.node(1).unwrap().ask(item(0)).await.unwrap_err();
    assert_eq!(error.failure().error.to_string(), "it ended the call without a reply (Internal)");
    let error = manager.recorder(Majority).unwrap().record(item(0)).await.unwrap_err();
    assert_eq!((error.replied(), error.failures().len()), (0, 1), "{error}");
}

#[tokio::test]
async fn bytes_that_are_no_reply_are_that_nodes_error() {
    let nodes = [
        node(|request| {
            let payload = Bytes::from_static(b"\x12\x02\xff\xff");
            vec![Frame { payload, ..reply(request, 0) }, reply(request, 7)]
        })
        .await,
        node(|request| vec![reply(request, 7)]).await,
        node(|request| vec![reply(request, 7)]).await,
    ];
    let recorder = manager(&nodes).recorder(Majority).unwrap();
    assert_eq!(recorder.record(item(0)).await.unwrap().number, 7);
    let error = recorder.record(item(0)).all().await.unwrap_err();
    assert_eq!(error.failures()[0].node.get(), 1);
    assert!(matches!(error.failures()[0].error, NodeError::Undecodable(_)), "{error}");
}

/// The newest number that was said is the level, and none is the last.
struct Newest;

impl RecorderQuorumSpec for Newest {
    fn watch(&self, _: &Item, replies: &Replies<Item>) -> Verdict<Level<Item>> {
        let newest = replies.values().max_by_key(|reply| reply.number);
        newest.map(|reply| Level::new(u32::try_from(reply.number).unwrap(), reply.clone())).into()
    }
}

#[tokio::test]
async fn what_a_node_says_after_its_end_does_not_count() {
    let nodes = [node(|request| {
        let after = [reply(request, 3), end(request), failure(request, Code::Internal)];
        [reply(request, 1), reply(request, 2), end(request)].into_iter().chain(after).collect()
    })
    .await];
    let manager = manager(&nodes);
    let recorder = manager.recorder(Newest).unwrap();
    for _ in 0..20 {
        let levels: Vec<_> = recorder.watch(item(0)).collect().await;
        let numbers: Vec<_> = levels.iter().flatten().map(|level| level.number).collect();
        assert!(numbers.iter().all(|number| *number <= 2), "{numbers:?}");
        let error = levels.last().unwrap().as_ref().unwrap_err();
        assert_eq!(error.failures().len(), 0, "{error}");
    }
    // What came after the end was passed over, and the connection is as good as before.
    eventually("connected", || manager.node(1).unwrap().connection_state().is_connected()).await;
}
