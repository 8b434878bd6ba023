//! Nodes that die under load, and come back.

use std::sync::atomic::{AtomicBool, Ordering};

use quorum_runtime::Majority;
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _};
use quorum_tests::{TestServer, builder, cluster, eventually, item};
use serde_json::json;

use crate::go::Go;
use crate::rust_to_go::manager;

#[tokio::test]
async fn a_node_in_go_is_restarted_under_load() {
    let Some(go) = Go::programs() else { return };
    let [first, second, third] = go.servers::<3>().await;
    let servers = [first, second, third];
    let manager = manager(&servers);
    let recorder = manager.recorder(Majority).unwrap();
    recorder.record(item(0)).all().await.unwrap();
    let over = AtomicBool::new(false);
    let calls = async {
        let mut number = 0;
        while !over.load(Ordering::Relaxed) {
            number += 1;
            recorder.record(item(number)).majority().await.unwrap();
        }
        number
    };
    let restart = async {
        let [_first, _second, third] = servers;
        let address = third.address().to_owned();
        third.kill().await;
        let node = manager.node(3).unwrap();
        eventually("its end", || !node.connection_state().is_connected()).await;
        let mut third = go.server_on(&address).await;
        let noted = third.noted(1).await;
        eventually("its return", || node.connection_state().is_connected()).await;
        over.store(true, Ordering::Relaxed);
        (_first, _second, third, noted)
    };
    let (calls, (mut first, _second, mut third, noted)) = tokio::join!(calls, restart);
    assert!(calls > 0 && noted[0] > 0);
    recorder.record(item(calls + 1)).all().await.unwrap();
    let everything = first.noted(1).await;
    assert_eq!(everything, (0..=calls + 1).collect::<Vec<_>>(), "node 1 had no part in it");
    let after = third.noted(1).await;
    assert!(after.is_sorted_by(|a, b| a < b), "in order, and each once: {after:?}");
}

#[tokio::test]
async fn a_node_of_ours_is_restarted_under_a_client_in_go() {
    let Some(go) = Go::programs() else { return };
    let (mut servers, _) = cluster::<3>().await;
    let addresses = [0, 1, 2].map(|node: usize| servers[node].address());
    let mut client = go.client(&addresses);
    client.ask("Recorder.Record", 0, "").await;
    // The handler of node 3 holds its turn, so what follows waits there until it dies.
    let call = json!({"method": "Recorder.Record", "number": 1, "text": "wait", "replies": 0});
    client.replies("ask", call).await;
    for server in &servers[..2] {
        server.recording().open(1);
    }
    let (replies, ()) = tokio::join!(client.burst("Recorder.Record", 2, 100), async {
        let waits = servers[2].recording().clone();
        eventually("the wait", || waits.waited() == 1).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        servers[2].kill();
        servers[2].restart().await;
    });
    assert_eq!(replies.len(), 300);
    assert!(replies.iter().all(|reply| reply.code == 0), "what was pending is sent again");
    assert_eq!(servers[0].recording().noted(), (0..102).collect::<Vec<_>>());
    let mut again = servers[2].recording().noted();
    again.sort_unstable();
    assert_eq!(again, (2..102).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_node_changes_its_kind_at_its_address() {
    let Some(go) = Go::programs() else { return };
    let mut ours = TestServer::start().await;
    let manager = builder([ours.address()]).build().unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    let node = manager.node(1).unwrap();
    recorder.record(item(1)).majority().await.unwrap();
    assert!(node.incarnation().is_some());
    ours.kill();
    let mut theirs = go.server_on(&ours.address()).await;
    recorder.record(item(2)).majority().await.unwrap();
    let seen = theirs.seen().await;
    assert_eq!((seen.noted, seen.entries), (vec![2], None), "it is not taken for one of ours");
    assert_eq!(node.incarnation(), None);
    theirs.kill().await;
    ours.restart().await;
    recorder.record(item(3)).majority().await.unwrap();
    assert_eq!(ours.recording().noted(), [3]);
}
