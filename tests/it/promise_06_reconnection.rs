//! **6. Reconnection** by itself, with exponential back-off and jitter; queued messages keep their
//! order across it.
//!
//! Servers die and come back, and a listener that takes no connection notes when each attempt comes.
//! [`cuts`](crate::cuts) breaks connections at every byte.

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use quorum_runtime::{ConnectionState, Majority, Manager, NodeError};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{
    End, PATIENCE, TestServer, Traffic, cluster, eventually, item, manager, proxied, waiting,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

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
        manager.ready(&quorum_runtime::All).await.unwrap();
        let reply = manager.nodes()[victim].ask(item(number)).await.unwrap();
        assert_eq!(reply.number, number, "the restarted server answers the same client");
        number += 1;
        let noted = servers[victim].recording().noted();
        assert!(noted.is_sorted(), "round {round}: {noted:?}");
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
async fn a_manager_whose_servers_are_down_says_which_and_why() {
    let ([server], _) = cluster::<1>().await;
    // Bound, so that no server of another test comes to have their ports.
    let down = [(); 2].map(|()| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        socket
    });
    let [first, third] = down.each_ref().map(|socket| socket.local_addr().unwrap().to_string());
    let manager = quorum_runtime::Manager::builder()
        .nodes([first, server.address().to_owned(), third])
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

#[tokio::test]
async fn what_is_queued_while_there_is_no_connection_arrives_in_the_order_of_the_calls() {
    let ([server], [mut proxy], _) = proxied::<1>().await;
    // Long enough to queue much between two attempts.
    let wait = Duration::from_secs(1);
    let manager = Manager::builder()
        .nodes([proxy.address()])
        .timeout(PATIENCE)
        .reconnect_wait(wait, wait)
        .build()
        .unwrap();
    let node = manager.node(1).unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    proxy.refuse().await;
    node.ask(item(0)).await.unwrap_err();

    let mut calls = Vec::new();
    for number in (0..1000).step_by(5) {
        drop(recorder.note(item(number)));
        drop(node.tell(item(number + 1)));
        drop(recorder.record(item(number + 2)));
        drop(node.ask_again(item(number + 3)));
        calls.push(node.ask(item(number + 4)).into_future());
    }
    assert!(!node.connection_state().is_connected());
    proxy.listen().await;
    try_join_all(calls).await.unwrap();
    assert!(server.recording().noted().into_iter().eq(0..1000));
}

#[tokio::test]
async fn what_is_sent_again_goes_before_what_was_queued_behind_it() {
    let ([server], [mut proxy], _) = proxied::<1>().await;
    let wait = Duration::from_secs(1);
    let manager = Manager::builder()
        .nodes([proxy.address()])
        .timeout(PATIENCE)
        .reconnect_wait(wait, wait)
        .build()
        .unwrap();
    let node = manager.node(1).unwrap();
    let stuck = node.ask(waiting(0)).into_future();
    let again: Vec<_> = (1..100).map(|number| node.ask_again(item(number)).into_future()).collect();
    eventually("the handler waits", || server.recording().waited() == 1).await;
    proxy.refuse().await;
    proxy.cut_now(End::Reset);
    stuck.await.unwrap_err();
    eventually("an attempt fails", || {
        node.connection_state().to_string().ends_with("connection refused")
    })
    .await;
    let behind: Vec<_> = (100..200).map(|number| node.ask(item(number)).into_future()).collect();
    proxy.listen().await;
    join_all(again).await.into_iter().for_each(|reply| drop(reply.unwrap()));
    join_all(behind).await.into_iter().for_each(|reply| drop(reply.unwrap()));
    assert!(server.recording().noted().into_iter().eq(1..200));
}

/// Accepts connections, each of which it closes when a request has come on it, and notes when each
/// came.
async fn attempts(listener: &TcpListener, number: usize) -> Vec<Instant> {
    let mut came = Vec::new();
    let mut closing = JoinSet::new();
    while came.len() < number {
        let (mut socket, _) = listener.accept().await.unwrap();
        came.push(Instant::now());
        closing.spawn(async move {
            let quiet = Duration::from_millis(10);
            let mut bytes = [0; 1024];
            while let Ok(Ok(1..)) = tokio::time::timeout(quiet, socket.read(&mut bytes)).await {}
        });
    }
    came
}

#[tokio::test]
async fn the_wait_between_attempts_grows_and_a_connection_that_worked_starts_it_anew() {
    const MIN: Duration = Duration::from_millis(40);
    const MAX: Duration = Duration::from_millis(640);
    let mut server = TestServer::start().await;
    server.kill();
    let address = server.address();
    let manager = Manager::builder()
        .nodes([address.clone()])
        .timeout(PATIENCE)
        .reconnect_wait(MIN, MAX)
        .build()
        .unwrap();
    let node = manager.node(1).unwrap();
    let listener = TcpListener::bind(&address).await.unwrap();
    drop(node.tell(item(0)));
    let grown = attempts(&listener, 7).await;
    // Between half and all of 40, 80, 160, 320, 640 and 640 ms; late at most, as a busy machine is.
    for (gap, whole) in grown.windows(2).zip([1, 2, 4, 8, 16, 16].map(|times| times * MIN)) {
        let gap = gap[1] - gap[0];
        assert!(gap >= whole / 2, "{gap:?} instead of {whole:?}");
    }
    assert!(grown[6] - grown[5] < 2 * MAX, "{:?}", grown[6] - grown[5]);

    drop(listener);
    server.restart().await;
    // The last connection to the listener may only now be seen to break.
    let coming_back = async { while node.ask(item(1)).await.is_err() {} };
    tokio::time::timeout(PATIENCE, coming_back).await.unwrap();
    server.kill();
    let listener = TcpListener::bind(&address).await.unwrap();
    let begun = Instant::now();
    let anew = attempts(&listener, 3).await;
    assert!(anew[2] - begun < MAX / 2, "the third attempt after {:?}", anew[2] - begun);
}

#[tokio::test]
async fn clients_of_a_restarted_node_do_not_come_back_all_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let wait = Duration::from_millis(400);
    let managers: Vec<_> = (0..10)
        .map(|seed| {
            let builder = Manager::builder().nodes([address.clone()]).seed(seed);
            builder.reconnect_wait(wait, wait).build().unwrap()
        })
        .collect();
    for manager in &managers {
        drop(manager.nodes()[0].tell(item(0)));
    }
    let came = attempts(&listener, 20).await;
    let spread = came[19] - came[10];
    assert!(spread > wait / 8, "all within {spread:?}");
}

/// HTTP/2 pings the node after 5 seconds and takes it for dead after 5 more.
#[tokio::test]
async fn a_node_that_is_silently_gone_is_noticed() {
    let ([server], [proxy], manager) = proxied::<1>().await;
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    let mut watch = recorder.watch(item(2));
    watch.next().await.unwrap().unwrap();
    let begun = Instant::now();
    proxy.set(Traffic::Swallow);
    let error = node.ask(item(2)).await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Disconnected(_)), "{error}");
    assert!(begun.elapsed() < PATIENCE * 3 / 4, "noticed after {:?}", begun.elapsed());
    // The node has noticed as well that its client is gone.
    eventually("the watch ends", || server.recording().watches() == (1, 1)).await;
    proxy.set(Traffic::Pass);
    // A connection that was opened meanwhile may still break.
    node.ask_again(item(3)).await.unwrap();
}
