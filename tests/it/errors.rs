//! What went wrong at a node is told apart, and told.

use std::time::Duration;

use quorum_runtime::{Code, Majority, Manager, NodeError, Request, RpcError, Status};
use quorum_tests::recorder::{
    AbsentConfiguration as _, AbsentManager as _, AbsentNode as _, RecorderConfiguration as _,
    RecorderManager as _, RecorderNode as _,
};
use quorum_tests::{PATIENCE, cluster, eventually, item, manager, text};

fn cause(error: RpcError) -> NodeError {
    error.failure().error.clone()
}

#[tokio::test]
async fn a_status_comes_back_with_its_code_and_message() {
    let ([server], manager) = cluster::<1>().await;
    let error = manager.node(1).unwrap().ask(text("fail")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "recorder.Recorder.Ask failed at node 1 ({}): no such item (NotFound)",
            server.address()
        )
    );
    assert_eq!(Status::from(error).code(), Code::NotFound);
}

#[tokio::test]
async fn a_method_that_a_server_does_not_have_is_unimplemented() {
    let (_servers, manager) = cluster::<3>().await;
    let error = manager.node(1).unwrap().call(item(1)).await.unwrap_err();
    assert_eq!(Status::from(error.clone()).code(), Code::Unimplemented);
    assert!(
        error.to_string().contains("there is no method `recorder.Absent.Call` here"),
        "{error}"
    );
    let error = manager.absent(Majority).unwrap().call(item(1)).await.unwrap_err();
    assert_eq!(error.failures().len(), 2, "the second failure rules a majority out: {error}");
}

#[tokio::test]
async fn a_server_that_dies_before_it_answers_is_cut_off_and_not_refused() {
    let ([mut server], manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    let call = node.ask(text("wait")).into_future();
    let again = node.ask(item(2)).into_future();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.kill();
    for call in [call, again] {
        let error = cause(call.await.unwrap_err());
        assert!(matches!(error, NodeError::Disconnected(_)), "{error:?}");
    }
    let error = cause(node.ask(item(3)).await.unwrap_err());
    assert!(matches!(error, NodeError::Unreachable(_)), "{error:?}");
    assert_eq!(error.to_string(), "cannot connect: connection refused");
}

#[tokio::test]
async fn a_handler_that_panics_answers_and_takes_nobody_with_it() {
    let (_servers, manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    let (before, after) = (node.ask(text("panic")), node.ask(item(2)));
    let error = cause(before.await.unwrap_err());
    assert_eq!(error.code(), Code::Internal);
    assert_eq!(error.to_string(), "the handler panicked: told to (Internal)");
    assert_eq!(after.await.unwrap().number, 2);
}

#[tokio::test]
async fn a_request_over_the_limit_is_not_sent_and_harms_no_other() {
    let ([server], manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    let (large, after) = (node.ask(text(&"x".repeat(5 * 1024 * 1024))), node.ask(item(2)));
    let error = cause(large.await.unwrap_err());
    assert!(matches!(error, NodeError::TooLarge { limit: 4_194_304, .. }), "{error:?}");
    after.await.unwrap();
    assert_eq!(server.recording().noted(), [2]);
}

#[tokio::test]
async fn a_reply_over_the_limit_is_a_status_and_harms_no_other() {
    let (_servers, manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    let (large, after) = (node.ask(text("large")), node.ask(item(2)));
    assert_eq!(cause(large.await.unwrap_err()).code(), Code::ResourceExhausted);
    after.await.unwrap();
}

#[tokio::test]
async fn a_full_queue_fails_that_node_and_no_other() {
    let (servers, _) = cluster::<3>().await;
    let manager = Manager::builder()
        .nodes(servers.iter().map(quorum_tests::TestServer::address))
        .timeout(PATIENCE)
        .queue_limits(10, 1024 * 1024)
        .build()
        .unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    let node = manager.node(3).unwrap();
    // Nine of the ten requests that may be under way at node 3 wait behind the first.
    let stuck: Vec<_> = (0..10)
        .map(|number| node.ask(if number == 0 { text("wait") } else { item(number) }))
        .collect();
    let refused = cause(node.ask(item(99)).await.unwrap_err());
    assert!(matches!(refused, NodeError::Overloaded { requests: 10, .. }), "{refused:?}");
    for number in 100..200 {
        recorder.record(item(number)).await.unwrap();
    }
    servers[2].recording().open(1);
    for call in stuck {
        call.await.unwrap();
    }
    node.ask(item(100)).await.unwrap();
    assert!(servers[2].recording().noted().into_iter().eq((0..10).chain([100])));
}

#[tokio::test]
async fn calls_that_nobody_waits_for_do_not_fill_the_queue() {
    let (servers, _) = cluster::<1>().await;
    let manager = Manager::builder()
        .nodes([servers[0].address()])
        .timeout(PATIENCE)
        .queue_limits(10, 1024 * 1024)
        .build()
        .unwrap();
    let node = manager.node(1).unwrap();
    let stuck = node.ask(text("wait"));
    for number in 0..100 {
        let mut request = Request::new(item(number));
        request.set_timeout(Duration::from_millis(1));
        let error = cause(node.ask(request).await.unwrap_err());
        assert!(matches!(error, NodeError::Deadline { .. }), "{number}: {error:?}");
    }
    servers[0].recording().open(1);
    stuck.await.unwrap();
}

#[tokio::test]
async fn a_one_way_message_tells_whoever_waits_that_it_was_not_sent() {
    let (mut servers, manager) = cluster::<2>().await;
    servers[1].kill();
    let recorder = manager.recorder(Majority).unwrap();
    let error = recorder.note(item(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "recorder.Recorder.Note was not sent to 1 of 2 nodes; node 2 ({}): cannot connect: \
             connection refused",
            servers[1].address()
        )
    );
    assert_eq!(Status::from(error).code(), Code::Unavailable);
    eventually("the message at node 1", || servers[0].recording().noted() == [1]).await;
    manager.node(1).unwrap().tell(item(2)).await.unwrap();
}

#[tokio::test]
async fn metadata_travels_with_the_request() {
    let (_servers, manager) = cluster::<1>().await;
    let mut request = Request::new(text("metadata"));
    request.metadata_mut().insert("key", "a value".parse().unwrap());
    let reply = manager.node(1).unwrap().ask(request).await.unwrap();
    assert_eq!(reply.text, "a value");
}

#[tokio::test]
async fn what_was_sent_arrives_after_everything_that_sent_it_is_gone() {
    let (servers, _) = cluster::<1>().await;
    let manager = manager(&servers);
    let node = manager.node(1).unwrap().clone();
    for number in 0..100 {
        drop(node.tell(item(number)));
    }
    drop((node, manager));
    let recording = servers[0].recording();
    eventually("every message", || recording.noted().len() == 100).await;
    assert!(recording.noted().into_iter().eq(0..100));
}
