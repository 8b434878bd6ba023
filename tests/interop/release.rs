//! Releases of Gorums, whose stream is another one: a sentence, and no harm.

use std::time::Duration;

use quorum_runtime::NodeError;
use quorum_tests::recorder::RecorderNode as _;
use quorum_tests::{PATIENCE, TestServer, builder, item};
use tokio::time::timeout;

use crate::go::Go;

#[tokio::test]
async fn a_call_to_a_node_with_the_older_stream_ends_and_says_why() {
    let Some(go) = Go::programs() else { return };
    let server = go.release_server().await;
    let manager = builder([server.address().to_owned()]).build().unwrap();
    let asked = manager.node(1).unwrap().ask(item(1)).into_future();
    let error = timeout(PATIENCE / 2, asked).await.unwrap().unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Disconnected(_)), "{error:?}");
    assert!(error.to_string().contains("unknown service stream.Gorums"), "{error}");
}

#[tokio::test]
async fn a_client_with_the_older_stream_is_refused_and_our_node_goes_on() {
    let Some(go) = Go::programs() else { return };
    let server = TestServer::start().await;
    let said = go.release_client(&server.address()).await;
    assert!(said.contains("incomplete"), "{said}");
    let manager = builder([server.address()]).build().unwrap();
    let asked = manager.node(1).unwrap().ask(item(1)).into_future();
    timeout(Duration::from_secs(5), asked).await.unwrap().unwrap();
}
