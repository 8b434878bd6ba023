//! What went wrong at a node is told apart, and told.

use quorum_runtime::{Code, Majority, NodeError, Request, RpcError, Status};
use quorum_tests::recorder::{
    AbsentConfiguration as _, AbsentManager as _, AbsentNode as _, RecorderNode as _,
};
use quorum_tests::{cluster, item, text};

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
async fn metadata_travels_with_the_request() {
    let (_servers, manager) = cluster::<1>().await;
    let mut request = Request::new(text("metadata"));
    request.metadata_mut().insert("key", "a value".parse().unwrap());
    let reply = manager.node(1).unwrap().ask(request).await.unwrap();
    assert_eq!(reply.text, "a value");
}
