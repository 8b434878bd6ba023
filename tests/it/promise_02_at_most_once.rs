//! **2. At most once**, except for methods that declare the standard `idempotency_level`: those are
//! sent again after a reconnect.
//!
//! A node dies in the middle of a handler, and comes back; what it is asked then shows what was sent
//! again. [`cuts`](crate::cuts) does so at every byte.

use quorum_runtime::{Majority, NodeError};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{End, cluster, eventually, item, proxied, waiting};

#[tokio::test]
async fn what_was_cut_off_is_not_sent_again() {
    let (mut servers, manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    let cut = node.ask(waiting(0)).into_future();
    let waits = || servers[0].recording().waited() == 1;
    eventually("the handler waits", waits).await;
    servers[0].kill();
    cut.await.unwrap_err();
    servers[0].restart().await;
    servers[0].recording().open(1);
    manager.ready(&Majority).await.unwrap();
    node.ask(item(2)).await.unwrap();
    assert_eq!(servers[0].recording().noted(), [2]);
}

#[tokio::test]
async fn what_may_be_repeated_is_sent_again_in_order_after_a_reconnect() {
    let (mut servers, manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    let stuck = node.ask(waiting(0)).into_future();
    let again: Vec<_> = (2..20).map(|number| node.ask_again(item(number)).into_future()).collect();
    let waits = || servers[0].recording().waited() == 1;
    eventually("the handler waits", waits).await;
    servers[0].kill();
    servers[0].restart().await;
    let replies = futures::future::try_join_all(again).await.unwrap();
    assert!(replies.iter().map(|reply| reply.number).eq(2..20));
    stuck.await.unwrap_err();
    assert!(servers[0].recording().noted().into_iter().eq(2..20));
}

#[tokio::test]
async fn what_breaks_every_connection_it_meets_is_sent_three_times() {
    let ([server], [proxy], manager) = proxied::<1>().await;
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    let again = node.ask_again(waiting(2)).into_future();
    for sends in 1..=3 {
        eventually("the handler waits", || server.recording().waited() == sends).await;
        proxy.cut_now(End::Reset);
    }
    let error = again.await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Disconnected(_)), "{error}");
    node.ask(item(3)).await.unwrap();
    assert_eq!(server.recording().waited(), 3);
    assert_eq!(server.recording().noted(), [1, 3]);
}

#[tokio::test]
async fn a_message_to_a_group_is_not_sent_again_to_the_member_that_was_cut_off() {
    let (servers, proxies, manager) = proxied::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    recorder.record(item(1)).all().await.unwrap();
    let stuck = manager.node(2).unwrap().ask(waiting(2)).into_future();
    eventually("the handler waits", || servers[1].recording().waited() == 1).await;
    let recorded = recorder.record(item(3)).all().into_future();
    proxies[1].cut_now(End::Reset);
    stuck.await.unwrap_err();
    let error = recorded.await.unwrap_err();
    assert_eq!(error.failures()[0].node.get(), 2, "{error}");
    recorder.record(item(4)).all().await.unwrap();
    let noted = servers.each_ref().map(|server| server.recording().noted());
    assert_eq!(noted, [vec![1, 3, 4], vec![1, 4], vec![1, 3, 4]]);
}
