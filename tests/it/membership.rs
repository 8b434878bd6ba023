//! Nodes are added, removed and moved while a manager runs.

use quorum_runtime::{
    BuildError, ConfigurationError, ConnectionState, Majority, Manager, Node, NodeError,
};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{Doorman, PATIENCE, TestServer, cluster, eventually, item, tasks, text};

fn ids(nodes: &[Node]) -> Vec<u32> {
    nodes.iter().map(|node| node.id().get()).collect()
}

#[tokio::test]
async fn a_node_that_was_added_is_in_the_configurations_that_are_made_then() {
    let (servers, manager) = cluster::<2>().await;
    let another = TestServer::start().await;
    let two = manager.recorder(Majority).unwrap();
    let clone = manager.clone();
    let added = manager.add_node(1_000, another.address()).unwrap();
    assert_eq!(ids(&clone.nodes()), [1, 2, 1_000], "clones share the nodes, in their order");
    let three = clone.recorder(Majority).unwrap();
    two.record(item(1)).all().await.unwrap();
    three.record(item(2)).all().await.unwrap();
    added.ask(item(3)).await.unwrap();
    assert_eq!(another.recording().noted(), [2, 3]);
    assert!(servers.iter().all(|server| server.recording().noted() == [1, 2]));
}

#[tokio::test]
async fn a_manager_may_begin_without_nodes() {
    let server = TestServer::start().await;
    let manager = Manager::builder().timeout(PATIENCE).build().unwrap();
    assert_eq!(manager.recorder(Majority).unwrap_err(), ConfigurationError::Empty);
    let ready = manager.ready(&Majority);
    let (ready, _) = tokio::join!(ready, async { manager.add_node(1, server.address()).unwrap() });
    ready.unwrap();
    manager.recorder(Majority).unwrap().record(item(1)).await.unwrap();
}

#[tokio::test]
async fn what_would_be_refused_at_the_start_is_refused_later_and_changes_nothing() {
    let manager = Manager::builder().nodes(["a:1", "b:1", "c:1"]).build().unwrap();
    let refusals = [
        manager.add_node(1, "d:1"),
        manager.add_node(4, "a:1"),
        manager.add_node(4, "a"),
        manager.move_node(1, "b:1"),
        manager.move_node(1, "http://a:1"),
        manager.move_node(4, "d:1"),
    ];
    let refusals = refusals.map(|refusal| refusal.unwrap_err().to_string());
    assert_eq!(
        refusals,
        [
            "node id 1 is used twice, for `a:1` and for `d:1`",
            "address `a:1` is used twice, for node 1 and for node 4",
            "`a` is no address of a node (the port is missing): write `host:port`",
            "address `b:1` is used twice, for node 2 and for node 1",
            "`http://a:1` is no address of a node (invalid uri character): write `host:port`",
            "there is no node 4 in this manager: add it with `add_node`",
        ]
    );
    assert_eq!(manager.remove_node(4).unwrap_err(), ConfigurationError::UnknownNode(4.into()));
    let addresses: Vec<_> = manager.nodes().iter().map(Node::address).collect();
    assert_eq!(addresses.join(" "), "a:1 b:1 c:1");
    // What is free again may be used again.
    manager.remove_node(1).unwrap();
    manager.move_node(2, "a:1").unwrap();
    manager.add_node(1, "b:1").unwrap();
    assert_eq!(ids(&manager.nodes()), [2, 3, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_who_add_the_same_node_does() {
    let manager = Manager::builder().build().unwrap();
    for id in 1..=50 {
        let add = |_| {
            let manager = manager.clone();
            tokio::spawn(async move { manager.add_node(id, format!("host:{id}")) })
        };
        let added = futures::future::join_all((0..8).map(add)).await;
        let added = added.into_iter().filter(|added| added.as_ref().unwrap().is_ok()).count();
        assert_eq!(added, 1);
    }
    assert!(ids(&manager.nodes()).into_iter().eq(1..=50));
}

#[tokio::test]
async fn a_removed_node_works_for_who_holds_it_and_its_connection_goes_with_the_last() {
    let server = TestServer::start().await;
    let door = Doorman::before(server.address()).await;
    let (_servers, manager) = cluster::<2>().await;
    manager.add_node(3, door.address()).unwrap();
    let three = manager.recorder(Majority).unwrap();
    let node = manager.remove_node(3).unwrap();
    assert_eq!(manager.node(3).unwrap_err(), ConfigurationError::UnknownNode(3.into()));
    three.record(item(1)).all().await.unwrap();
    node.ask(item(2)).await.unwrap();
    drop(node);
    let mut events = manager.events();
    three.record(item(3)).all().await.unwrap();
    assert_eq!(door.open(), 1);
    drop(three);
    eventually("the end of the connection", || door.open() == 0).await;
    assert_eq!(server.recording().noted(), [1, 2, 3]);
    let closed = events.next().await.unwrap().unwrap();
    assert!(matches!(closed.state, ConnectionState::Closed), "{closed}");
    assert_eq!((closed.node.get(), door.passed()), (3, 1));
}

#[tokio::test]
async fn what_was_sent_to_a_node_arrives_although_it_is_removed() {
    let (servers, manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    for number in 0..100 {
        drop(node.tell(item(number)));
    }
    drop((node, manager.remove_node(1)));
    let recording = servers[0].recording();
    eventually("every message", || recording.noted().len() == 100).await;
    assert!(recording.noted().into_iter().eq(0..100));
}

#[tokio::test]
async fn a_moved_node_reports_what_was_handed_over_and_takes_its_queue_along() {
    let (servers, manager) = cluster::<2>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let (node, old) = (manager.node(1).unwrap(), servers[0].address());
    node.ask(item(1)).await.unwrap();
    let stuck = node.ask(text("wait"));
    let again = node.ask_again(item(2));
    let last = node.tell(item(4)); // its outcome is that the connection took it
    last.await.unwrap();

    let new = TestServer::start().await;
    let moved = manager.move_node(1, new.address()).unwrap();
    assert_eq!((moved.address(), node.address()), (new.address().into(), new.address().into()));
    let error = stuck.await.unwrap_err().to_string();
    let cause = format!("the node was moved from {old} to {}", new.address());
    assert!(error.ends_with(&format!("the connection was lost: {cause}")), "{error}");
    assert_eq!(again.await.unwrap().number, 2, "it is sent again, to where the node is now");
    recorder.record(item(3)).all().await.unwrap();
    assert_eq!(new.recording().noted(), [2, 3], "what the old connection took is not sent again");
    assert_eq!(servers[0].recording().noted(), [1]);
}

#[tokio::test]
async fn what_waits_for_a_node_that_is_not_there_goes_to_where_it_is_moved_in_order() {
    let mut gone = TestServer::start().await;
    let new = TestServer::start().await;
    gone.kill();
    let manager = Manager::builder()
        .nodes([gone.address()])
        .timeout(PATIENCE)
        .reconnect_wait(PATIENCE * 10, PATIENCE * 10)
        .build()
        .unwrap();
    let node = manager.node(1).unwrap();
    let error = node.ask(item(0)).await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Unreachable(_)), "{error}");
    let calls: Vec<_> = (1..=100).map(|number| node.ask(item(number)).into_future()).collect();
    manager.move_node(1, new.address()).unwrap(); // does not wait for the next attempt
    for (call, number) in calls.into_iter().zip(1..) {
        assert_eq!(call.await.unwrap().number, number);
    }
    assert!(new.recording().noted().into_iter().eq(1..=100));
}

#[tokio::test]
async fn how_fast_a_node_was_elsewhere_is_forgotten() {
    let (_servers, manager) = cluster::<1>().await;
    let hung = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    assert!(node.latency().is_some());
    manager.move_node(1, hung.local_addr().unwrap().to_string()).unwrap();
    eventually("no latency", || node.latency().is_none()).await;
}

#[tokio::test]
async fn a_node_that_is_moved_to_and_fro_ends_where_it_was_moved_last() {
    let (servers, manager) = cluster::<2>().await;
    let [here, there] = [&servers[0], &servers[1]].map(TestServer::address);
    manager.remove_node(2).unwrap();
    let node = manager.node(1).unwrap();
    for number in 0..50 {
        node.ask(item(number)).await.unwrap();
        manager.move_node(1, &there).unwrap();
        manager.move_node(1, &here).unwrap();
        manager.move_node(1, &there).unwrap();
        node.ask_again(item(1_000 + number)).await.unwrap();
        manager.move_node(1, &here).unwrap();
    }
    assert!(servers[0].recording().noted().into_iter().eq(0..50));
    assert!(servers[1].recording().noted().into_iter().eq(1_000..1_050));
}

#[tokio::test]
async fn to_move_a_node_to_where_it_is_changes_nothing() {
    let server = TestServer::start().await;
    let door = Doorman::before(server.address()).await;
    let manager = Manager::builder().nodes([door.address()]).build().unwrap();
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    let call = node.ask(text("wait"));
    manager.move_node(1, door.address()).unwrap();
    server.recording().open(1);
    call.await.unwrap();
    assert_eq!(door.passed(), 1);
}

#[tokio::test]
async fn overlapping_configurations_keep_their_members_and_their_order_while_nodes_come_and_go() {
    let (servers, manager) = cluster::<5>().await;
    let addresses = servers.iter().map(TestServer::address).collect::<Vec<_>>();
    let first = manager.recorder(Majority).unwrap();
    let mut number = 0;
    for round in 0..20 {
        let five = manager.recorder(Majority).unwrap();
        let id = round % 5 + 1;
        let removed = manager.remove_node(id).unwrap();
        let four = manager.recorder(Majority).unwrap();
        assert!(!four.members().contains(id.into()) && four.members().len() == 4);
        let overlapping = five.with_members([id, id % 5 + 1, (id + 1) % 5 + 1]).unwrap();
        drop(removed);
        for _ in 0..5 {
            // Sent in this order to each node that they share, whoever is awaited first.
            let calls = [&five, &four, &overlapping].map(|configuration| {
                number += 1;
                configuration.record(item(number)).all().into_future()
            });
            futures::future::try_join_all(calls).await.unwrap();
        }
        manager.add_node(id, &addresses[id as usize - 1]).unwrap();
        manager.node(id).unwrap().ask(item(number)).await.unwrap();
    }
    for server in &servers {
        let noted = server.recording().noted();
        assert!(noted.is_sorted() && noted.len() > 200, "{noted:?}");
    }
    // Its nodes were all removed, and others were added under their ids.
    first.record(item(number + 1)).all().await.unwrap();
}

#[tokio::test]
async fn a_thousand_nodes_that_came_and_went_leave_no_task_and_no_connection() {
    let server = TestServer::start().await;
    let door = Doorman::before(server.address()).await;
    let (_servers, manager) = cluster::<1>().await;
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
    let before = tasks();
    for round in 0..1_000 {
        let node = manager.add_node(2, door.address()).unwrap();
        let both = manager.recorder(Majority).unwrap();
        match round % 4 {
            0 => drop(both.record(item(round)).all().await.unwrap()),
            1 => drop(node.ask(item(round)).await.unwrap()),
            2 => drop(node.tell(item(round))),
            _ => {} // is never connected
        }
        manager.remove_node(2).unwrap();
    }
    eventually("the end of the connections", || door.open() == 0).await;
    eventually("the end of the tasks", || tasks() == before).await;
    eventually("every message", || server.recording().noted().len() == 750).await;
    assert_eq!(door.passed(), 750);
}

#[tokio::test]
async fn a_closed_manager_takes_no_nodes() {
    let manager = Manager::builder().nodes(["a:1"]).build().unwrap();
    manager.close().await;
    assert_eq!(manager.add_node(2, "b:1").unwrap_err(), BuildError::Closed);
    assert_eq!(manager.move_node(1, "b:1").unwrap_err(), BuildError::Closed);
    assert_eq!(ids(&manager.nodes()), [1]);
    manager.remove_node(1).unwrap();
}
