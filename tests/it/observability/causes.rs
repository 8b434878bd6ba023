//! Each way to fail, told once and by its name.

use std::sync::Arc;
use std::time::Duration;

use quorum_runtime::{Call, EventKind, EventLog, Majority, Manager, Request, Server, Status};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{TestServer, eventually, item, text};

use super::{builder, kinds, log, observed, serve};

/// The causes of the failures so far.
fn causes(log: &EventLog) -> Vec<&'static str> {
    let failed = |kind: &EventKind| matches!(kind, EventKind::Failed(_));
    let events = log.events();
    let failed = events.iter().filter(|event| failed(&event.kind));
    failed.map(|event| event.kind.cause().expect("a failure has a cause")).collect()
}

/// The outcomes of calls so far.
fn outcomes(log: &EventLog) -> Vec<String> {
    let mut kinds = kinds(&log.events());
    kinds.retain(|kind| kind.starts_with("ended"));
    kinds
}

#[tokio::test]
async fn what_a_node_answers_in_the_place_of_a_reply() {
    let (node, client) = (observed().await, log());
    let manager = builder(&client).nodes([&node.address]).build().unwrap();
    let node_1 = manager.node(1).unwrap();
    node_1.ask(text("fail")).await.unwrap_err();
    node_1.ask(text("panic")).await.unwrap_err();
    node_1.ask(text("large")).await.unwrap_err();
    assert_eq!(causes(&client), ["not_found", "internal", "resource_exhausted"]);
    let kinds = kinds(&node.log.events());
    assert_eq!(kinds.iter().filter(|kind| *kind == "sent error").count(), 3);
    assert_eq!(kinds.iter().filter(|kind| *kind == "handler_ended").count(), 3);
    assert_eq!(outcomes(&client), ["ended failed"; 3]);
}

#[tokio::test]
async fn what_prevents_that_a_node_answers() {
    let client = log();
    let mut server = TestServer::start().await;
    let manager = builder(&client).nodes([server.address()]).build().unwrap();
    let node = manager.node(1).unwrap();
    let lost = node.ask(text("wait"));
    eventually("it is sent", || kinds(&client.events()).len() == 3).await;
    server.kill();
    lost.await.unwrap_err();
    node.ask(item(1)).await.unwrap_err();
    assert_eq!(causes(&client), ["disconnected", "unreachable"]);
    drop(manager);
    let client = log();
    let manager = builder(&client).node(1, "127.0.0.1:1").max_message_size(1000).build().unwrap();
    manager.node(1).unwrap().ask(text(&"x".repeat(1000))).await.unwrap_err();
    assert_eq!(causes(&client), ["too_large"]);
}

#[tokio::test]
async fn what_does_not_leave_the_queue() {
    let (node, client) = (observed().await, log());
    let manager = builder(&client).nodes([&node.address]).queue_limits(1, 1024).build().unwrap();
    let node = manager.node(1).unwrap();
    let (one, other) = (node.ask(item(1)), node.ask(item(2)));
    one.await.unwrap();
    other.await.unwrap_err();
    assert_eq!(causes(&client), ["overloaded"]);
    client.take();
    let (older, newer) = (node.beat(item(1)), node.beat(item(2)));
    older.await.unwrap_err();
    newer.await.unwrap();
    assert_eq!(causes(&client), ["replaced"]);
}

#[tokio::test]
async fn what_becomes_of_queued_messages_for_which_nobody_waits() {
    let client = log();
    let manager = builder(&client).node(1, "127.0.0.1:1").build().unwrap();
    let node = manager.node(1).unwrap();
    drop(node.tell(item(1)));
    drop(node.ask(item(2)));
    eventually("the attempt fails", || causes(&client) == ["unreachable"; 2]).await;
}

/// Nobody is told twice: the connection breaks after the deadline.
#[tokio::test]
async fn a_deadline_is_the_one_failure_of_each_node() {
    let client = log();
    let manager = builder(&client)
        .node(1, "127.0.0.1:1")
        .reconnect_wait(Duration::from_millis(300), Duration::from_millis(300))
        .build()
        .unwrap();
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap_err(); // and now the next attempt takes its time
    client.take();
    let mut late = Request::new(item(2));
    late.set_timeout(Duration::from_millis(20));
    node.ask(late).await.unwrap_err();
    assert_eq!(causes(&client), ["deadline"]);
    assert_eq!(outcomes(&client), ["ended deadline"]);
    let attempts = |log: &Arc<EventLog>| {
        log.events().iter().filter(|e| matches!(e.kind, EventKind::Disconnected(_))).count()
    };
    let before = attempts(&client);
    eventually("the next attempt fails", || attempts(&client) > before).await;
    assert_eq!(causes(&client), ["deadline"]);
}

#[tokio::test]
async fn calls_end_once_and_by_what_ended_them() {
    let client = log();
    let nodes = ["127.0.0.1:1", "127.0.0.1:2"];
    let manager: Manager = builder(&client).nodes(nodes).build().unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    let mut call = recorder.record(item(1));
    call.result().await.unwrap_err();
    call.result().await.unwrap_err();
    drop(call);
    drop(recorder.record(item(2)));
    recorder.record(item(3)).cancel();
    assert_eq!(outcomes(&client), ["ended no_quorum", "ended dropped", "ended cancelled"]);
}

mod as_served {
    #[quorum_macros::service]
    pub trait Oracle {
        async fn foretell(&self, request: ()) -> String;
    }
}

mod as_called {
    #[quorum_macros::service]
    pub trait Oracle {
        async fn foretell(&self, request: ()) -> u64;
    }
}

struct Delphi;

impl as_served::Oracle for Delphi {
    async fn foretell(&self, _: Call, (): ()) -> Result<String, Status> {
        Ok("forty-two".to_owned())
    }
}

#[tokio::test]
async fn a_reply_that_is_none() {
    use as_called::OracleNode as _;
    let client = log();
    let address = serve(Server::builder().service(as_served::OracleServer::new(Delphi))).await;
    let manager = builder(&client).nodes([address]).build().unwrap();
    manager.node(1).unwrap().foretell(()).await.unwrap_err();
    assert_eq!(
        kinds(&client.events()),
        ["called", "queued", "sent request", "received reply", "failed", "ended failed"]
    );
    assert_eq!(causes(&client), ["undecodable"]);
}
