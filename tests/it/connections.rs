//! What happens to connections can be waited for and listened to, and so can room in a queue.

use std::time::Duration;

use futures::StreamExt as _;
use futures::poll;
use quorum_runtime::{
    All, ConnectionEvents, ConnectionState, Majority, Manager, Missed, Node, NodeError,
};
use quorum_tests::recorder::{RecorderManager as _, RecorderNode as _};
use quorum_tests::{PATIENCE, TestServer, cluster, eventually, item, manager, text};
use tokio::net::TcpListener;
use tokio::time::timeout;

fn all_connected(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| node.connection_state().is_connected())
}

/// The next events, as text.
async fn next<const COUNT: usize>(events: &mut ConnectionEvents) -> [String; COUNT] {
    let mut texts = Vec::new();
    for _ in 0..COUNT {
        let event = timeout(PATIENCE, events.next()).await.expect("an event comes").unwrap();
        texts.push(event.unwrap().to_string());
    }
    texts.try_into().unwrap()
}

#[tokio::test]
async fn waiting_connects_nodes_and_sees_those_that_are_added_meanwhile() {
    let (_servers, manager) = cluster::<2>().await;
    let mut late = TestServer::start().await;
    late.kill();
    let mut asked = Vec::new();
    let waiting = manager.wait_for(|nodes| {
        asked.push(nodes.len());
        nodes.len() == 3 && all_connected(nodes)
    });
    let joining = async {
        manager.add_node(3, late.address()).unwrap();
        let node = manager.node(3).unwrap();
        let disconnected =
            |_: &[Node]| matches!(node.connection_state(), ConnectionState::Disconnected(_));
        manager.wait_for(disconnected).await;
        late.restart().await;
    };
    timeout(PATIENCE, async { tokio::join!(waiting, joining) }).await.unwrap();
    assert_eq!((asked[0], asked[asked.len() - 1]), (2, 3));
    assert!(all_connected(&manager.nodes()));
}

#[tokio::test]
async fn a_condition_that_holds_is_not_waited_for_and_a_wait_can_be_dropped() {
    let (_servers, manager) = cluster::<1>().await;
    assert!(poll!(std::pin::pin!(manager.wait_for(|_| true))).is_ready());
    assert!(poll!(std::pin::pin!(manager.wait_for(all_connected))).is_pending());
    let node = manager.node(1).unwrap();
    eventually("the connection", || node.connection_state().is_connected()).await;
    // The removal of a node is a change as well.
    let removed = async { manager.remove_node(1).unwrap() };
    let gone = manager.wait_for(<[Node]>::is_empty);
    timeout(PATIENCE, async { tokio::join!(gone, removed) }).await.unwrap();
}

#[tokio::test]
async fn each_change_of_a_connection_is_an_event() {
    let mut server = TestServer::start().await;
    let manager = Manager::builder().node(7, server.address()).build().unwrap();
    let mut events = manager.events();
    assert!(poll!(std::pin::pin!(events.next())).is_pending(), "nothing has happened");
    let node = manager.node(7).unwrap();
    node.ask(item(1)).await.unwrap();
    assert_eq!(next(&mut events).await, ["node 7: connecting", "node 7: connected"]);

    server.kill();
    let [lost, again, refused] = next(&mut events).await;
    assert!(lost.starts_with("node 7: disconnected: "), "{lost}");
    assert_eq!(again, "node 7: connecting");
    assert_eq!(refused, "node 7: disconnected: connection refused");

    server.restart().await;
    let back = events.by_ref().filter(|event| {
        let back = event.as_ref().unwrap().state.is_connected();
        std::future::ready(back)
    });
    timeout(PATIENCE, std::pin::pin!(back).next()).await.unwrap().unwrap().unwrap();

    drop(node);
    let mut others = manager.events();
    manager.remove_node(7).unwrap();
    assert_eq!(next(&mut events).await, ["node 7: closed"]);
    assert_eq!(next(&mut others).await, ["node 7: closed"], "each reader has a stream of its own");
    drop(manager);
    assert!(timeout(PATIENCE, events.next()).await.unwrap().is_none(), "nothing can happen now");
}

#[tokio::test]
async fn a_reader_that_falls_behind_is_told_how_much_it_missed_and_holds_up_nobody() {
    let moment = Duration::from_millis(1);
    let mut server = TestServer::start().await;
    server.kill();
    let builder = Manager::builder().nodes([server.address()]).reconnect_wait(moment, moment);
    let manager = builder.timeout(PATIENCE).build().unwrap();
    let (mut slow, mut quick) = (manager.events(), manager.events());
    let mut happened = 0_u64;
    let _ = poll!(std::pin::pin!(manager.wait_for(|_| false))); // connects
    while happened < 1_500 {
        timeout(PATIENCE, quick.next()).await.unwrap().unwrap().unwrap();
        happened += 1;
    }
    server.restart().await;
    timeout(PATIENCE, manager.wait_for(all_connected)).await.unwrap();
    while !timeout(PATIENCE, quick.next()).await.unwrap().unwrap().unwrap().state.is_connected() {
        happened += 1;
    }
    happened += 1;
    let Some(Err(Missed { events: missed })) = slow.next().await else {
        panic!("it has read nothing of {happened} events");
    };
    assert_eq!(missed, happened - 1_024);
    for _ in 0..1_023 {
        slow.next().await.unwrap().unwrap();
    }
    assert_eq!(next(&mut slow).await, ["node 1: connected"]);
}

/// A manager whose queues hold two requests.
fn narrow(servers: &[TestServer]) -> Manager {
    let builder = Manager::builder().nodes(servers.iter().map(TestServer::address));
    builder.queue_limits(2, 1_000_000).timeout(PATIENCE).build().unwrap()
}

#[tokio::test]
async fn room_in_a_queue_can_be_waited_for() {
    let servers = [TestServer::start().await];
    let manager = narrow(&servers);
    let node = manager.node(1).unwrap();
    assert!(poll!(std::pin::pin!(node.ready())).is_ready());
    let stuck = [node.ask(text("wait")), node.ask(text("wait"))];
    let error = node.ask(item(1)).await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Overloaded { requests: 2, .. }), "{error}");
    let waiting = [1, 2, 3].map(|_| {
        tokio::spawn({
            let node = node.clone();
            async move { node.ready().await }
        })
    });
    let mut room = Box::pin(node.ready());
    assert!(poll!(room.as_mut()).is_pending());
    servers[0].recording().open(1);
    let [first, second] = stuck;
    first.await.unwrap();
    for waiting in waiting {
        timeout(PATIENCE, waiting).await.unwrap().unwrap(); // all who wait are told
    }
    let _third = node.ask(text("wait")); // takes the room first
    assert!(poll!(room.as_mut()).is_pending(), "and it is looked at again");
    servers[0].recording().open(2);
    second.await.unwrap();
    timeout(PATIENCE, room).await.unwrap();
}

#[tokio::test]
async fn a_thousand_who_wait_for_room_all_get_it() {
    let servers = [TestServer::start().await];
    let manager = narrow(&servers);
    let node = manager.node(1).unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..1_000 {
        let node = node.clone();
        callers.spawn(async move {
            loop {
                node.ready().await;
                match node.ask(item(number)).await {
                    Ok(_) => return,
                    Err(error) => {
                        let error = &error.failure().error;
                        assert!(matches!(error, NodeError::Overloaded { .. }), "{error}");
                    }
                }
            }
        });
    }
    timeout(PATIENCE, callers.join_all()).await.unwrap();
    assert_eq!(servers[0].recording().noted().len(), 1_000);
}

#[tokio::test]
async fn a_closed_link_is_not_waited_for() {
    let servers = [TestServer::start().await];
    let manager = narrow(&servers);
    let node = manager.node(1).unwrap();
    let _stuck = [node.ask(text("wait")), node.ask(text("wait"))];
    let room = tokio::spawn({
        let node = node.clone();
        async move { node.ready().await }
    });
    tokio::task::yield_now().await;
    let _ = poll!(std::pin::pin!(manager.close()));
    timeout(PATIENCE / 10, room).await.unwrap().unwrap();
    node.ready().await;
    servers[0].recording().open(2);
}

#[tokio::test]
async fn a_configuration_has_room_when_a_quorum_of_its_members_has() {
    let servers = [(); 3].map(|()| TestServer::start());
    let servers = futures::future::join_all(servers).await;
    let manager = narrow(&servers);
    let recorder = manager.recorder(Majority).unwrap();
    let nodes = manager.nodes();
    let fill = |node: &Node| [node.ask(text("wait")), node.ask(text("wait"))];
    let _three = fill(&nodes[2]);
    assert!(poll!(std::pin::pin!(recorder.ready(&Majority))).is_ready(), "two of three have room");
    assert!(poll!(std::pin::pin!(recorder.ready(&All))).is_pending());

    let _two = fill(&nodes[1]);
    let mut majority = Box::pin(recorder.ready(&Majority));
    assert!(poll!(majority.as_mut()).is_pending());
    let few = recorder.only([1, 2]).unwrap();
    let mut few = Box::pin(few.ready(&Majority));
    assert!(poll!(few.as_mut()).is_pending());
    let none = recorder.only([3]).unwrap();
    assert!(poll!(std::pin::pin!(none.ready(&Majority))).is_ready(), "it can't become a quorum");
    servers[1].recording().open(1);
    timeout(PATIENCE, majority).await.unwrap();
    timeout(PATIENCE, few).await.unwrap();
}

#[tokio::test]
async fn a_manager_that_is_closed_is_not_ready_and_says_so_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap(); // and never accepts
    let server = TestServer::start().await;
    let manager = manager(std::slice::from_ref(&server));
    manager.ready(&Majority).await.unwrap();
    manager.add_node(2, listener.local_addr().unwrap().to_string()).unwrap();
    manager.close().await;
    let error = timeout(PATIENCE / 10, manager.ready(&Majority)).await.unwrap().unwrap_err();
    assert_eq!(error.failures().len(), 2);
    assert!(error.failures().iter().all(|failure| matches!(failure.error, NodeError::Closed)));
}
