//! **5. Memory is bounded** per node, by messages and by bytes, for a client and for a server, whatever
//! a peer does.
//!
//! Here the limits are met one by one, and refuse for one node alone. How much memory that comes to,
//! on either side, `tests/memory.rs` measures with an allocator that counts.

use std::time::Duration;

use quorum_runtime::{Majority, Manager, NodeError, Request, RpcError};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{PATIENCE, cluster, item, waiting};

fn cause(error: RpcError) -> NodeError {
    error.failure().error.clone()
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
        .map(|number| node.ask(if number == 0 { waiting(0) } else { item(number) }))
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
    let stuck = node.ask(waiting(0));
    for number in 0..100 {
        let mut request = Request::new(item(number));
        request.set_timeout(Duration::from_millis(1));
        let error = cause(node.ask(request).await.unwrap_err());
        assert!(matches!(error, NodeError::Deadline { .. }), "{number}: {error:?}");
    }
    servers[0].recording().open(1);
    stuck.await.unwrap();
}
