//! Servers that are told to stop.

use std::time::Duration;

use quorum_tests::recorder::RecorderNode as _;
use quorum_tests::{cluster, eventually, item, text};

#[tokio::test]
async fn a_server_told_to_stop_finishes_its_handlers_and_ends_at_once_with_streams_open() {
    let (mut servers, manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    let call = node.ask(text("wait"));
    let gate = servers[0].recording().clone();
    let (reply, stopped) = tokio::join!(call.into_future(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let stopping = servers[0].stop();
        tokio::join!(stopping, async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            gate.open(1);
        });
        tokio::time::Instant::now()
    });
    reply.expect("what was begun is answered");
    assert!(stopped.elapsed() < Duration::from_secs(5));
    eventually("the client sees it", || !node.connection_state().is_connected()).await;
}
