//! The exact events of one call of each kind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use quorum_runtime::{
    Clients, Event, EventKind, Majority, Manager, NodeError, NodeId, Observer, Server,
};
use quorum_tests::recorder::{
    RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderServer,
};
use quorum_tests::{Recording, TestServer, eventually, item, text};

use super::{builder, kinds, log, observed, of_connections, serve};

#[tokio::test]
async fn an_rpc() {
    let (node, client) = (observed().await, log());
    let manager = builder(&client).nodes([&node.address]).build().unwrap();
    manager.node(1).unwrap().ask(item(7)).await.unwrap();

    let events = client.events();
    assert_eq!(
        kinds(&events),
        ["called", "queued", "sent request", "received reply", "ended done"]
    );
    assert!(
        events.iter().all(|event| event.sequence == 0 || event.method == "recorder.Recorder.Ask")
    );
    assert!(events.is_sorted_by_key(|event| event.time));
    assert_eq!(of_connections(&client), ["connecting", "connected", "greeted"]);

    let events = node.log.events();
    let handled = ["received request", "handler_begun", "handler_ended", "sent reply"];
    assert_eq!(kinds(&events), handled);
    assert!(
        events.iter().all(|event| event.sequence == 0 || event.method == "recorder.Recorder.Ask")
    );
    assert_eq!(of_connections(&node.log), ["caller_came"]);
    drop(manager);
    eventually("the caller goes", || of_connections(&node.log) == ["caller_came", "caller_went"])
        .await;
}

#[tokio::test]
async fn a_quorum_call_while_a_node_is_down() {
    let (one, two, client) = (observed().await, observed().await, log());
    let nodes = [&one.address, &two.address, "127.0.0.1:1"];
    let manager = builder(&client).nodes(nodes).build().unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    let mut call = recorder.record(item(7));
    call.result().await.unwrap();
    while call.next().await.is_some() {}

    let events = client.events();
    let of = |node: Option<u32>| -> Vec<_> {
        let node = node.map(Into::into);
        let of_node = |event: &_| peer(event) == node;
        kinds(&events.iter().filter(|event| of_node(event)).cloned().collect::<Vec<_>>())
    };
    assert_eq!(of(None), ["called", "ended done"]);
    assert!(matches!(events[0].kind, EventKind::Called { targets: 3, .. }));
    assert_eq!(of(Some(1)), ["queued", "sent request", "received reply"]);
    assert_eq!(of(Some(2)), ["queued", "sent request", "received reply"]);
    assert_eq!(of(Some(3)), ["queued", "failed"]);
    let unreachable = |kind: &_| matches!(kind, EventKind::Failed(NodeError::Unreachable(_)));
    assert!(events.iter().any(|event| unreachable(&event.kind)));
}

fn peer(event: &Event) -> Option<NodeId> {
    event.peer.and_then(|peer| peer.node)
}

#[tokio::test]
async fn a_one_way_message_that_is_awaited_and_one_that_is_not() {
    let (node, client) = (observed().await, log());
    let manager = builder(&client).nodes([&node.address]).build().unwrap();
    manager.node(1).unwrap().tell(item(1)).await.unwrap();
    assert_eq!(kinds(&client.take()), ["called", "queued", "sent request", "ended done"]);

    drop(manager.node(1).unwrap().tell(item(2)));
    eventually("it is sent", || kinds(&client.events()).len() == 4).await;
    assert_eq!(kinds(&client.events()), ["called", "queued", "ended dropped", "sent request"]);
    eventually("both are handled", || kinds(&node.log.events()).len() == 6).await;
    assert_eq!(
        kinds(&node.log.events()),
        ["received request", "handler_begun", "handler_ended"].repeat(2)
    );
}

#[tokio::test]
async fn a_request_that_is_sent_again_on_the_next_connection() {
    let (mut server, client) = (TestServer::start().await, log());
    let manager = builder(&client).nodes([server.address()]).build().unwrap();
    let node = manager.node(1).unwrap();
    let lost = node.ask(text("wait"));
    let again = node.ask_again(item(7));
    let sent = || kinds(&client.events()).iter().filter(|kind| *kind == "sent request").count();
    eventually("both are sent", || sent() == 2).await;
    eventually("the node is known", || of_connections(&client).len() == 3).await;
    server.kill();
    lost.await.unwrap_err();
    server.restart().await;
    again.await.unwrap();

    let events = client.events();
    let of = |sequence| {
        kinds(
            &events.iter().filter(|event| event.sequence == sequence).cloned().collect::<Vec<_>>(),
        )
    };
    assert_eq!(of(1), ["called", "queued", "sent request", "failed", "ended failed"]);
    assert_eq!(
        of(2),
        ["called", "queued", "sent request", "sent request", "received reply", "ended done"]
    );
    let of_connections = of_connections(&client);
    assert_eq!(of_connections[..4], ["connecting", "connected", "greeted", "disconnected"]);
    assert_eq!(of_connections[of_connections.len() - 3..], ["connecting", "connected", "greeted"]);
    let numbers = events.iter().filter_map(|event| match event.kind {
        EventKind::Connected { number, .. } => Some(number),
        _ => None,
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2]);
    let incarnations = events.iter().filter(|event| matches!(event.kind, EventKind::Greeted));
    let [first, second] = incarnations.map(|event| event.peer).collect::<Vec<_>>()[..] else {
        panic!("it was met twice");
    };
    assert_ne!(first, second, "the server was restarted");
}

#[tokio::test]
async fn a_call_that_is_cancelled() {
    let (node, client) = (observed().await, log());
    let manager = builder(&client).nodes([&node.address]).build().unwrap();
    manager.node(1).unwrap().ask(item(1)).await.unwrap(); // who the node is, is known
    client.take();
    node.log.take();

    let call = manager.node(1).unwrap().ask(text("release"));
    let released = |kinds: &[String]| kinds.iter().any(|kind| kind == "handler_released");
    eventually("its handler runs", || released(&kinds(&node.log.events()))).await;
    call.cancel();
    eventually("the node is told", || kinds(&node.log.events()).len() == 4).await;
    node.recording.open(1);
    eventually("the handler ends", || kinds(&node.log.events()).len() == 6).await;
    eventually("the reply comes", || kinds(&client.events()).len() == 6).await;
    assert_eq!(
        kinds(&client.events()),
        ["called", "queued", "sent request", "ended cancelled", "sent cancel", "received reply"]
    );
    assert_eq!(
        kinds(&node.log.events()),
        [
            "received request",
            "handler_begun",
            "handler_released",
            "received cancel",
            "handler_ended",
            "sent reply"
        ]
    );
}

#[tokio::test]
async fn a_watch_that_nobody_wants_any_more() {
    let (node, client) = (observed().await, log());
    let manager = builder(&client).nodes([&node.address]).build().unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    recorder.watch(text("slowly")).next().await.unwrap().unwrap();
    eventually("the handler is stopped", || kinds(&node.log.events()).len() == 5).await;
    assert_eq!(
        kinds(&client.events()),
        ["called", "queued", "sent request", "received reply", "ended done", "sent cancel"]
    );
    assert_eq!(
        kinds(&node.log.events()),
        ["received request", "handler_begun", "sent reply", "received cancel", "handler_stopped"]
    );
}

#[tokio::test]
async fn a_call_to_the_own_process() {
    let both = log();
    let manager = builder(&both).node(1, "127.0.0.1:9").local(1).incarnation(5).build().unwrap();
    let service = RecorderServer::new(Recording::default());
    let server = Server::builder().service(service).peers(&manager).observer(Arc::clone(&both));
    serve(server).await;
    manager.node(1).unwrap().ask(item(7)).await.unwrap();
    let events = both.events();
    assert_eq!(
        kinds(&events),
        [
            "called",
            "queued",
            "sent request",
            "received request",
            "handler_begun",
            "handler_ended",
            "sent reply",
            "received reply",
            "ended done"
        ]
    );
    for event in events.iter().filter(|event| event.kind.to_string().starts_with("received")) {
        assert_eq!(event.peer, Some(event.at));
        assert_eq!(event.at.to_string(), "node 1");
        assert_eq!(event.at.incarnation, Some(5));
    }
}

#[tokio::test]
async fn a_call_back() {
    let (at_client, at_server) = (log(), log());
    let server = Server::builder().service(RecorderServer::new(Recording::default()));
    let clients = server.clients();
    let address = serve(server.observer(Arc::clone(&at_server))).await;
    let service = RecorderServer::new(Recording::default());
    let manager = builder(&at_client).nodes([address]).service(service).build().unwrap();
    manager.ready(&Majority).await.unwrap();
    eventually("the client can be called", || !clients.is_empty()).await;
    let recorder = clients.configuration(Majority).unwrap();
    recorder.record(item(7)).await.unwrap();

    let events = at_server.events();
    assert_eq!(
        kinds(&events),
        ["called", "queued", "sent request", "received reply", "ended done"]
    );
    let sequences = events.iter().map(|event| event.sequence);
    assert_eq!(sequences.filter(|sequence| *sequence == 1 << 63 | 1).count(), 5);
    let events = at_client.events();
    assert_eq!(
        kinds(&events),
        ["received request", "handler_begun", "handler_ended", "sent reply"]
    );
    assert_eq!(peer(events.last().unwrap()).unwrap().get(), 1, "it answers node 1");
}

#[tokio::test]
async fn without_an_observer_of_its_own_a_process_is_not_told_of() {
    let (node, client) = (observed().await, log());
    let unobserved = Manager::builder().nodes([&node.address]).build().unwrap();
    unobserved.node(1).unwrap().ask(item(7)).await.unwrap();
    let incarnations: Vec<_> = node.log.events().iter().map(|event| event.at).collect();
    assert!(incarnations.iter().all(|at| *at == incarnations[0]), "only the server");
    assert_eq!(client.events().len(), 0);
}

/// Looks at whatever has a lock while it is told.
#[derive(Default)]
struct Curious {
    manager: OnceLock<Manager>,
    clients: OnceLock<Clients>,
    told: AtomicUsize,
}

impl Observer for Curious {
    fn event(&self, _: &Event) {
        self.told.fetch_add(1, Ordering::Relaxed);
        for node in self.manager.get().iter().flat_map(|manager| manager.nodes()) {
            let _ = (node.latency(), node.losses(), node.incarnation(), node.connection_state());
        }
        let _ = self.clients.get().map(Clients::len);
    }
}

/// It would wait for ever where it is told with a lock held.
#[tokio::test]
async fn an_observer_may_look_at_what_it_observes() {
    let curious = Arc::new(Curious::default());
    let service = || RecorderServer::new(Recording::default());
    let server = Server::builder().service(service()).observer(Arc::clone(&curious));
    let clients = server.clients();
    curious.clients.set(clients.clone()).unwrap();
    let mut mortal = TestServer::start().await;
    let nodes = [serve(server).await, mortal.address(), "127.0.0.1:1".to_owned()];
    let manager = Manager::builder()
        .nodes(nodes)
        .service(service())
        .queue_limits(8, 1024)
        .observer(Arc::clone(&curious))
        .build()
        .unwrap();
    curious.manager.set(manager.clone()).unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    recorder.record(item(1)).await.unwrap();
    let lost = manager.node(2).unwrap().ask(text("wait"));
    let replaced = manager.node(1).unwrap().beat(item(2));
    let overloaded: Vec<_> = (0..20).map(|_| recorder.record(item(3))).collect();
    manager.node(1).unwrap().beat(item(4)).await.ok();
    manager.node(1).unwrap().ask(text("wait")).cancel();
    drop((overloaded, replaced));
    eventually("the client can be called", || !clients.is_empty()).await;
    clients.configuration(Majority).unwrap().record(item(5)).await.unwrap();
    mortal.kill();
    lost.await.unwrap_err();
    assert!(curious.told.load(Ordering::Relaxed) > 100);
}
