//! Servers that stop, die and come back.

use std::time::Duration;

use quorum_runtime::{ConnectionState, Majority};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{TestServer, cluster, eventually, item, manager, text};

#[tokio::test]
async fn calls_go_on_while_a_server_is_killed_and_restarted() {
    let (mut servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let mut number = 0;
    for round in 0..5 {
        let victim = round % 3;
        for _ in 0..100 {
            recorder.record(item(number)).await.unwrap();
            number += 1;
        }
        servers[victim].kill();
        for _ in 0..100 {
            recorder.record(item(number)).await.unwrap();
            number += 1;
        }
        servers[victim].restart().await;
        manager.ready(&All).await.unwrap();
        let reply = manager.nodes()[victim].ask(item(number)).await.unwrap();
        assert_eq!(reply.number, number, "the restarted server answers the same client");
        number += 1;
        let noted = servers[victim].recording().noted();
        assert!(noted.is_sorted(), "round {round}: {noted:?}");
    }
}

struct All;

impl quorum_runtime::QuorumSystem for All {
    fn is_quorum(
        &self,
        members: &quorum_runtime::NodeSet,
        repliers: &quorum_runtime::NodeSet,
    ) -> bool {
        members.common(repliers) == members.len()
    }
}

#[tokio::test]
async fn a_server_that_starts_after_its_client_is_found() {
    let mut server = TestServer::start().await;
    server.kill();
    let manager = manager(std::slice::from_ref(&server));
    let node = manager.node(1).unwrap();
    assert!(matches!(node.connection_state(), ConnectionState::Idle));
    node.ask(item(1)).await.unwrap_err();
    assert_eq!(node.connection_state().to_string(), "disconnected: connection refused");
    server.restart().await;
    manager.ready(&Majority).await.unwrap();
    assert!(node.connection_state().is_connected());
    node.ask(item(2)).await.unwrap();
}

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

#[tokio::test]
async fn what_was_cut_off_is_not_sent_again() {
    let (mut servers, manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    let cut = node.ask(text("wait")).into_future();
    tokio::time::sleep(Duration::from_millis(50)).await;
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
    let stuck = node.ask(text("wait")).into_future();
    let again: Vec<_> = (2..20).map(|number| node.ask_again(item(number)).into_future()).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    servers[0].kill();
    servers[0].restart().await;
    let replies = futures::future::try_join_all(again).await.unwrap();
    assert!(replies.iter().map(|reply| reply.number).eq(2..20));
    stuck.await.unwrap_err();
    assert!(servers[0].recording().noted().into_iter().eq(2..20));
}

#[tokio::test]
async fn a_manager_whose_servers_are_down_says_which_and_why() {
    let (mut servers, _) = cluster::<3>().await;
    servers[0].kill();
    servers[2].kill();
    let manager = quorum_runtime::Manager::builder()
        .nodes(servers.iter().map(TestServer::address))
        .timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let error = manager.ready(&Majority).await.unwrap_err();
    let named: Vec<_> = error.failures().iter().map(|failure| failure.node.get()).collect();
    assert_eq!(named, [1, 3]);
    let text = error.to_string();
    assert!(
        text.starts_with("no quorum connected within 300ms: 1 of 3 nodes did; node 1 ("),
        "{text}"
    );
}
