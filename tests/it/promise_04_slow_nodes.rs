//! **4. The slow don't hold the fast.** A hung, slow or dead node delays no call that has its quorum
//! without it.
//!
//! One of five nodes stops, in each way that a node can, while calls to all five are made one after
//! another. They take about as long as before; if one of them waited for the fifth, it would take its
//! whole deadline.

use std::time::Duration;

use quorum_runtime::{Configuration, Majority, Manager, NodeError};
use quorum_tests::recorder::{
    Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _,
};
use quorum_tests::{
    End, PATIENCE, Proxy, TestServer, Traffic, Way, builder, cluster, eventually, item, proxied,
    text, waiting,
};
use tokio::time::Instant;

use crate::cuts;

#[tokio::test]
async fn a_client_does_not_wait_for_the_handlers_of_another() {
    let (servers, manager) = cluster::<1>().await;
    let other = quorum_tests::manager(&servers);
    let first = manager.node(1).unwrap().ask(text("wait"));
    other.node(1).unwrap().ask(item(2)).await.unwrap();
    servers[0].recording().open(1);
    first.await.unwrap();
}

#[tokio::test]
async fn a_node_whose_handler_does_not_return_costs_the_others_nothing() {
    let (servers, _proxies, manager) = proxied::<5>().await;
    let before = calls(&manager).await;
    let stuck = manager.node(5).unwrap().ask(waiting(0)).into_future();
    eventually("the handler waits", || servers[4].recording().waited() == 1).await;
    assert_as_fast(before, calls(&manager).await);
    servers[4].recording().open(1);
    stuck.await.unwrap();
}

#[tokio::test]
async fn a_node_that_reads_nothing_costs_the_others_nothing() {
    let (_servers, proxies, manager) = proxied::<5>().await;
    let before = calls(&manager).await;
    proxies[4].set(Traffic::Hold);
    assert_as_fast(before, calls(&manager).await);
}

#[tokio::test]
async fn a_node_that_is_silently_gone_costs_the_others_nothing() {
    let (_servers, proxies, manager) = proxied::<5>().await;
    let before = calls(&manager).await;
    proxies[4].set(Traffic::Swallow);
    assert_as_fast(before, calls(&manager).await);
}

#[tokio::test]
async fn a_slow_node_costs_the_others_nothing() {
    let (_servers, proxies, manager) = proxied::<5>().await;
    let before = calls(&manager).await;
    proxies[4].set(Traffic::Delay(Duration::from_secs(1)));
    assert_as_fast(before, calls(&manager).await);
}

#[tokio::test]
async fn a_node_that_dies_costs_the_others_nothing() {
    let (mut servers, _proxies, manager) = proxied::<5>().await;
    let before = calls(&manager).await;
    servers[4].kill();
    assert_as_fast(before, calls(&manager).await);
}

/// How long many quorum calls take, one after another.
async fn calls(manager: &Manager) -> Duration {
    let recorder = manager.recorder(Majority).unwrap();
    let begun = Instant::now();
    let calling = async {
        for number in 0..300 {
            assert_eq!(recorder.record(item(number)).await.unwrap().number, number);
        }
    };
    tokio::time::timeout(PATIENCE, calling).await.expect("no call waits for the fifth node");
    begun.elapsed()
}

/// A call that waited for the fifth node would alone take longer than this allows for all.
fn assert_as_fast(before: Duration, during: Duration) {
    let allowed = 10 * before + Duration::from_millis(500);
    assert!(
        during < allowed.min(PATIENCE),
        "{during:?} with the fifth node stopped, {before:?} before"
    );
}

#[tokio::test]
async fn a_node_that_reads_nothing_is_overloaded_and_no_other_is() {
    let (servers, _) = cluster::<5>().await;
    let mut addresses: Vec<_> = servers.iter().map(TestServer::address).collect();
    let proxy = Proxy::start(&addresses[4]).await;
    addresses[4] = proxy.address();
    let manager = builder(addresses).queue_limits(100, 1024 * 1024).build().unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    recorder.record(item(0)).all().await.unwrap();

    proxy.set(Traffic::Hold);
    let overloaded = calls_until_overloaded(&recorder).await;
    assert!(overloaded > 4, "the sockets and the queue take some: {overloaded}");
    for number in 0..20 {
        recorder.record(item(number)).await.unwrap();
    }
    proxy.set(Traffic::Pass);
    eventually("the fifth node catches up", || {
        let noted = |server: &TestServer| server.recording().noted().len();
        noted(&servers[4]) + 40 > noted(&servers[3])
    })
    .await;
    recorder.record(item(0)).all().await.unwrap();
}

/// Makes quorum calls until the fifth node refuses one; how many that were.
async fn calls_until_overloaded(recorder: &Configuration<Majority>) -> usize {
    let large = Item { number: 1, text: "x".repeat(64 * 1024) };
    for call in 0..1000 {
        let mut recorded = recorder.record(large.clone()).replies();
        for _ in 0..4 {
            let reply = recorded.next().await.unwrap();
            match reply.result {
                Ok(_) => assert_ne!(reply.node.get(), 5),
                Err(error) => {
                    assert!(matches!(error, NodeError::Overloaded { .. }), "{error}");
                    assert_eq!(reply.node.get(), 5, "{error}");
                    return call;
                }
            }
        }
    }
    panic!("a node that reads nothing was sent 64 MB");
}

#[tokio::test]
async fn a_member_that_is_cut_off_at_any_byte_costs_a_quorum_call_nothing() {
    let (servers, _) = cluster::<3>().await;
    let exchange = async |cut| {
        let proxy = Proxy::start(&servers[0].address()).await;
        proxy.cut_next(cut);
        let others = servers[1..].iter().map(TestServer::address);
        let manager = builder([proxy.address()].into_iter().chain(others)).build().unwrap();
        let recorder = manager.recorder(Majority).unwrap();
        for number in 0..5 {
            let recorded = recorder.record(item(number)).await;
            assert_eq!(recorded.unwrap_or_else(|error| panic!("{cut:?}: {error}")).number, number);
        }
        // So that the cut is met if it can be.
        let _ = manager.node(1).unwrap().ask(text("last")).await;
        proxy.cuts() > 0
    };
    cuts::everywhere(Way::ToServer, End::Reset, exchange).await;
    cuts::everywhere(Way::ToClient, End::Finish, exchange).await;
}
