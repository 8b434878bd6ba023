//! A manager that is closed finishes what it has, and leaves nothing.

use std::time::Duration;

use futures::{StreamExt as _, poll};
use quorum_runtime::{ConnectionState, Majority, Manager, NodeError};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{
    Doorman, PATIENCE, TestServer, cluster, eventually, item, manager, tasks, text,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

/// What a closed link may take, and somewhat more.
const LINGER: Duration = Duration::from_secs(5);
const SLACK: Duration = Duration::from_secs(3);

#[tokio::test]
async fn what_was_called_before_is_sent_and_answered_and_what_is_called_later_is_refused() {
    let before = tasks();
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let node = manager.node(1).unwrap();
    // One of the links has never been used.
    let recorder = recorder.with_members([1, 2]).unwrap();
    let record = recorder.record(item(1)).all();
    let tells: Vec<_> = (2..500).map(|number| node.tell(item(number)).into_future()).collect();
    let waiting = node.ask(text("wait"));
    let mut closing = Box::pin(manager.close());
    assert!(poll!(closing.as_mut()).is_pending());
    let late = node.ask(item(501)).await.unwrap_err();
    assert!(matches!(late.failure().error, NodeError::Closed), "{late}");
    let late = recorder.record(item(501)).await.unwrap_err();
    assert!(late.failures().iter().all(|late| matches!(late.error, NodeError::Closed)), "{late}");
    let late = timeout(SLACK, node.chat().next()).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(late.failure().error, NodeError::Closed), "{late}");

    eventually("what was sent", || servers[0].recording().noted().len() == 499).await;
    assert!(poll!(closing.as_mut()).is_pending(), "a call waits for its reply");
    servers[0].recording().open(1);
    timeout(PATIENCE, closing).await.unwrap();
    assert_eq!(tasks(), before);
    record.await.unwrap();
    waiting.await.unwrap();
    for tell in tells {
        tell.await.unwrap();
    }
    assert!(servers[0].recording().noted().into_iter().take(499).eq(1..500));
    let states = manager.nodes().into_iter().map(|node| node.connection_state());
    assert!({ states }.all(|state| matches!(state, ConnectionState::Closed)));
    timeout(SLACK, manager.close()).await.unwrap(); // once more does no harm
}

#[tokio::test]
async fn nothing_waits_where_nothing_is_left_to_do() {
    let before = tasks();
    let (mut servers, manager) = cluster::<3>().await;
    manager.ready(&Majority).await.unwrap();
    servers[2].kill();
    let node = manager.node(3).unwrap();
    node.ask(item(1)).await.unwrap_err();
    let begun = Instant::now();
    manager.close().await;
    assert!(begun.elapsed() < LINGER, "took {:?}", begun.elapsed());
    assert_eq!(tasks(), before);
    Manager::builder().build().unwrap().close().await;
}

#[tokio::test]
async fn every_connection_is_closed_also_of_clones_and_of_nodes_that_were_removed() {
    let server = TestServer::start().await;
    let doors = [Doorman::before(server.address()).await, Doorman::before(server.address()).await];
    let manager = Manager::builder().nodes(doors.each_ref().map(Doorman::address)).build().unwrap();
    let events = manager.events();
    let both = manager.clone().recorder(Majority).unwrap();
    both.record(item(1)).all().await.unwrap();
    let removed = manager.remove_node(2).unwrap();
    timeout(LINGER + SLACK, manager.clone().close()).await.unwrap();
    eventually("the end of the connections", || doors.iter().all(|door| door.open() == 0)).await;
    let late = removed.ask(item(2)).await.unwrap_err();
    assert!(matches!(late.failure().error, NodeError::Closed), "{late}");
    let events = events.map(|event| event.unwrap().to_string()).collect::<Vec<_>>();
    let events = timeout(SLACK, events).await.expect("nothing more can happen");
    let mut last = events[events.len() - 2..].to_vec();
    last.sort();
    assert_eq!(last, ["node 1: closed", "node 2: closed"], "{events:?}");
    assert!(!events.iter().any(|event| event.contains("disconnected")), "{events:?}");
    assert!(manager.events().next().await.is_none());
}

#[tokio::test]
async fn closing_is_bounded_where_nodes_hang_and_sessions_stay_open() {
    let before = tasks();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap(); // and never accepts
    let server = TestServer::start().await;
    let door = Doorman::before(server.address()).await;
    let (silent, _full) = silent().await;
    let builder = Manager::builder().nodes([server.address()]).timeout(PATIENCE);
    let manager = builder.connect_timeout(PATIENCE).build().unwrap();
    manager.add_node(2, listener.local_addr().unwrap().to_string()).unwrap();
    manager.add_node(3, door.address()).unwrap();
    manager.add_node(4, silent).unwrap();
    let [node, hung, through, silent] = [1, 2, 3, 4].map(|id| manager.node(id).unwrap());
    let (stuck, lost) = (node.ask(text("wait")), hung.ask(item(1)));
    // The one is connected and never opens its side, the other is being connected.
    let opening = [hung.chat(), silent.chat()];
    let mut session = through.chat();
    session.send(item(1)).await.unwrap();
    session.next().await.unwrap().unwrap();

    let begun = Instant::now();
    let closing = manager.close();
    let talking = async {
        tokio::time::sleep(LINGER / 10).await;
        session.send(item(2)).await.unwrap();
        session.next().await.unwrap().unwrap(); // sessions go on for a while
        session.next().await.unwrap().unwrap_err() // and are cut off then
    };
    let ((), cut_off) =
        timeout(LINGER + SLACK, async { tokio::join!(closing, talking) }).await.unwrap();
    assert!(begun.elapsed() >= LINGER, "took {:?}", begun.elapsed());
    assert!(matches!(cut_off.failure().error, NodeError::Disconnected(_)), "{cut_off}");
    assert_eq!(tasks(), before);
    eventually("the end of the connection", || door.open() == 0).await;
    for error in [stuck.await.unwrap_err(), lost.await.unwrap_err()] {
        let text = error.to_string();
        assert!(text.ends_with("the connection was lost: the link was closed"), "{text}");
    }
    for mut session in opening {
        let error = session.next().await.unwrap().unwrap_err();
        assert!(matches!(error.failure().error, NodeError::Closed), "{error}");
    }
}

#[tokio::test]
async fn what_is_dropped_instead_closes_in_the_background() {
    let before = tasks();
    let server = TestServer::start().await;
    let door = Doorman::before(server.address()).await;
    let manager = Manager::builder().nodes([door.address()]).build().unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    recorder.record(item(1)).await.unwrap();
    drop(manager);
    recorder.record(item(2)).await.unwrap();
    drop(recorder);
    eventually("the end of the connection", || door.open() == 0).await;
    eventually("the end of the tasks", || tasks() == before).await;
    assert_eq!(server.recording().noted(), [1, 2]);
}

#[tokio::test]
async fn closing_goes_on_when_its_wait_is_dropped() {
    let before = tasks();
    let (servers, manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    let call = node.ask(text("wait"));
    eventually("the connection", || node.connection_state().is_connected()).await;
    assert!(poll!(std::pin::pin!(manager.close())).is_pending());
    servers[0].recording().open(1);
    call.await.unwrap();
    eventually("the end of the tasks", || tasks() == before).await;
    assert!(matches!(node.connection_state(), ConnectionState::Closed));
}

/// An address where attempts to connect hear nothing, as long as what comes with it is held: its
/// queue of connections is full.
async fn silent() -> (String, (TcpListener, Vec<TcpStream>)) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut full = Vec::new();
    while let Ok(connected) = timeout(LINGER / 50, TcpStream::connect(address)).await {
        full.push(connected.unwrap());
    }
    (address.to_string(), (listener, full))
}

#[tokio::test]
async fn an_attempt_to_connect_that_nobody_waits_for_is_given_up() {
    let before = tasks();
    let (silent, _full) = silent().await;
    let manager = Manager::builder().nodes([silent]).build().unwrap();
    assert!(poll!(std::pin::pin!(manager.wait_for(|_| false))).is_pending()); // connects
    let node = manager.node(1).unwrap();
    let connecting = || matches!(node.connection_state(), ConnectionState::Connecting);
    eventually("the attempt", connecting).await;
    let begun = Instant::now();
    manager.close().await;
    assert!(begun.elapsed() < LINGER / 2, "took {:?}", begun.elapsed());
    assert_eq!(tasks(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_race_with_closing_all_end() {
    let (servers, _) = cluster::<1>().await;
    for number in 0..200 {
        let manager = manager(&servers);
        let node = manager.node(1).unwrap();
        let call = tokio::spawn(async move { node.ask(item(number)).await });
        if number % 2 == 0 {
            tokio::task::yield_now().await;
        }
        timeout(PATIENCE, manager.close()).await.unwrap();
        match timeout(PATIENCE, call).await.unwrap().unwrap() {
            Ok(_) => {}
            Err(error) => {
                assert!(matches!(error.failure().error, NodeError::Closed), "{error}");
            }
        }
    }
    assert!(servers[0].recording().noted().is_sorted());
}
