//! **3. Nothing vanishes in silence.** Every two-way call ends: with a reply, a status, or a cause. A
//! one-way message that was not delivered is counted, and whoever awaits it is told.
//!
//! A call is made in each state that a link can be in, and must end as that state says.
//! [`cuts`](crate::cuts) breaks the connection at every byte.

use std::time::Duration;

use quorum_runtime::{Code, Majority, NodeError, RpcError, Status};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{Proxy, Traffic, builder, cluster, eventually, item, manager, text, waiting};

fn cause(error: RpcError) -> NodeError {
    error.failure().error.clone()
}

#[tokio::test]
async fn a_server_that_dies_before_it_answers_is_cut_off_and_not_refused() {
    let ([mut server], manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    let call = node.ask(waiting(0)).into_future();
    let again = node.ask(item(2)).into_future();
    eventually("the handler waits", || server.recording().waited() == 1).await;
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

#[tokio::test]
async fn every_call_ends_whatever_becomes_of_its_bytes() {
    let ([server], _) = cluster::<1>().await;
    for traffic in [Traffic::Hold, Traffic::Swallow, Traffic::Delay(Duration::from_secs(1))] {
        for is_connected in [false, true] {
            let proxy = Proxy::start(&server.address()).await;
            let limit = Duration::from_millis(200);
            let manager = builder([proxy.address()]).timeout(limit).build().unwrap();
            let node = manager.node(1).unwrap();
            let recorder = manager.recorder(Majority).unwrap();
            if is_connected {
                node.ask(item(1)).await.unwrap();
            }
            proxy.set(traffic);

            let (told, noted) = (node.tell(item(1)), recorder.note(item(2)));
            let (asked, again) = (node.ask(item(3)), node.ask_again(item(4)));
            let mut recorded = recorder.record(item(5)).replies();
            let mut watched = recorder.watch(item(6));
            for error in [asked.await.unwrap_err(), again.await.unwrap_err()] {
                let error = cause(error);
                assert!(matches!(error, NodeError::Deadline { .. }), "{traffic:?}: {error}");
            }
            let error = recorded.next().await.unwrap().result.unwrap_err();
            assert!(matches!(error, NodeError::Deadline { .. }), "{traffic:?}: {error}");
            assert!(recorded.next().await.is_none());
            let error = watched.next().await.unwrap().unwrap_err();
            assert!(matches!(error.failures()[0].error, NodeError::Deadline { .. }), "{error}");
            // The connection took them.
            told.await.unwrap();
            noted.await.unwrap();
        }
    }
}
