//! Nodes of both kinds in one configuration.

use quorum_runtime::Majority;
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _};
use quorum_tests::{TestServer, builder, item};

use crate::go::{Go, Program};
use crate::rust_to_go::Highest;

/// Two nodes of ours and one in Go, and their addresses.
async fn nodes(go: Go) -> ([TestServer; 2], Program, [String; 3]) {
    let ours = [TestServer::start().await, TestServer::start().await];
    let theirs = go.server().await;
    let addresses = [ours[0].address(), theirs.address().to_owned(), ours[1].address()];
    (ours, theirs, addresses)
}

#[tokio::test]
async fn quorums_form_of_both_kinds() {
    let Some(go) = Go::programs() else { return };
    let (mut ours, mut theirs, addresses) = nodes(go).await;
    let manager = builder(addresses).build().unwrap();
    let recorder = manager.recorder(Highest).unwrap();
    assert_eq!(recorder.record(item(1)).all().await.unwrap(), item(1));
    // Levels come from the replies of all, and those of ours have marks where they end.
    let watched = recorder.watch(item(5));
    assert_eq!(watched.await.unwrap().number, 5);

    // Without one of ours the other and that in Go are a majority; without both, there is none.
    ours[0].kill();
    for number in 2..100 {
        recorder.record(item(number)).majority().await.unwrap();
    }
    recorder
        .record(item(100))
        .decide(|_, replies| {
            replies.values().find(|_| replies.is_quorum(&Majority)).cloned().into()
        })
        .await
        .unwrap();
    assert_eq!(theirs.noted(100).await, (1..=100).collect::<Vec<_>>());
    assert_eq!(ours[1].recording().noted(), (1..=100).collect::<Vec<_>>());
    ours[1].kill();
    recorder.record(item(101)).majority().await.unwrap_err();
}

#[tokio::test]
async fn clients_of_both_kinds_share_nodes_of_both_kinds() {
    let Some(go) = Go::programs() else { return };
    let (ours, mut theirs, addresses) = nodes(go).await;
    let mut client = go.client(&addresses);
    let manager = builder(addresses.clone()).build().unwrap();
    let recorder = manager.recorder(Highest).unwrap();
    let (replies, ()) = tokio::join!(client.burst("Recorder.Record", 0, 300), async {
        for number in 1000..1300 {
            recorder.record(item(number)).all().await.unwrap();
        }
    });
    assert_eq!(replies.len(), 900);
    assert!(replies.iter().all(|reply| reply.code == 0));
    // Each client in its own order, at every node.
    let orders =
        [ours[0].recording().noted(), ours[1].recording().noted(), theirs.noted(600).await];
    for noted in orders {
        let (first, second): (Vec<u64>, Vec<_>) = noted.into_iter().partition(|&n| n < 1000);
        assert_eq!(first, (0..300).collect::<Vec<_>>());
        assert_eq!(second, (1000..1300).collect::<Vec<_>>());
    }
}
