//! What is drawn of real servers and a client: every message that came has two ends, and what was late
//! or lost is marked.

use std::sync::Arc;
use std::time::Duration;

use quorum_runtime::trace::{Format, Trace};
use quorum_runtime::{Event, EventLog, Majority, Manager, Observer, Process, Server};
use quorum_tests::recorder::{
    RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderServer,
};
use quorum_tests::{
    DESCRIPTORS, End, Hosted, PATIENCE, Proxy, Recording, Traffic, eventually, host, item, text,
};

/// The events of all processes, with what messages contain.
#[derive(Clone)]
struct Log(Arc<EventLog>);

impl Observer for Log {
    fn event(&self, event: &Event) {
        self.0.event(event);
    }

    fn wants_content(&self) -> bool {
        true
    }
}

struct Run {
    log: Log,
    /// In front of node 3.
    proxy: Proxy,
    manager: Manager,
    _nodes: [Hosted; 3],
}

/// Three nodes and a client.
async fn run() -> Run {
    let log = Log(Arc::new(EventLog::new(100_000)));
    let node = |run: u64| {
        let server = Server::builder().service(RecorderServer::new(Recording::default()));
        host(server.incarnation(run).observer(log.clone()))
    };
    let nodes = [node(10).await, node(20).await, node(30).await];
    let proxy = Proxy::start(nodes[2].address()).await;
    let [first, second, _] = nodes.each_ref().map(|node| node.address().to_owned());
    let manager = Manager::builder()
        .nodes([first, second, proxy.address()])
        .timeout(PATIENCE)
        .reconnect_wait(Duration::from_millis(10), Duration::from_millis(100))
        .incarnation(77)
        .observer(log.clone())
        .build()
        .unwrap();
    Run { log, proxy, manager, _nodes: nodes }
}

impl Run {
    fn trace(&self) -> Trace {
        let trace = Trace::new(self.log.0.events()).name(Process::run(77), "writer");
        trace.descriptors(DESCRIPTORS).unwrap()
    }

    /// The lines of the text with this in them, without their times.
    fn lines(&self, of: &str) -> Vec<String> {
        let text = self.trace().to_text();
        let lines = text.lines().filter(|line| line.contains(of));
        lines.map(|line| line.split_once("  ").unwrap().1.to_owned()).collect()
    }

    /// How many elements of the picture have this class.
    fn drawn(&self, class: &str) -> usize {
        let mut picture = Vec::new();
        self.trace().write(Format::Svg, &mut picture).unwrap();
        let class = format!("<g class=\"{class}\" data-");
        String::from_utf8(picture).unwrap().matches(&class).count()
    }
}

#[tokio::test]
async fn every_message_of_a_call_has_two_ends() {
    let run = run().await;
    let recorder = run.manager.recorder(Majority).unwrap();
    recorder.record(item(7)).all().await.unwrap();
    let mut lines = run.lines("Record #1 re");
    lines.sort();
    let node = |number: u32| {
        [
            format!("node {number}  ← writer  Record #1 request"),
            format!("node {number}  → writer  Record #1 reply  number: 7"),
            format!("writer  ← node {number}  Record #1 reply"),
            format!("writer  → node {number}  Record #1 request  number: 7"),
        ]
    };
    let mut expected = [1, 2, 3].map(node).concat();
    expected.sort();
    assert_eq!(lines, expected);
    run.manager.node(1).unwrap().ask(text("fail")).await.unwrap_err();
    let classes = ["m request", "m reply", "m error", "call", "call bad", "handler"];
    assert_eq!(classes.map(|class| run.drawn(class)), [4, 3, 1, 1, 1, 4]);
}

#[tokio::test]
async fn what_comes_late_and_what_is_lost_is_marked() {
    let run = run().await;
    let recorder = run.manager.recorder(Majority).unwrap();
    recorder.record(item(1)).all().await.unwrap();
    run.proxy.set(Traffic::Hold);
    recorder.record(item(2)).await.unwrap();
    run.proxy.set(Traffic::Pass);
    let late = "writer  ← node 3  Record #2 reply  (late)";
    eventually("the reply of node 3", || run.lines("(late)") == [late]).await;

    run.proxy.set(Traffic::Swallow);
    recorder.record(item(3)).await.unwrap();
    run.proxy.cut_now(End::Reset);
    let lost = "writer  → node 3  Record #3 request  number: 3  (lost)";
    eventually("the connection is lost", || run.lines("(lost)") == [lost]).await;
    assert_eq!(["m reply late", "m request lost"].map(|class| run.drawn(class)), [1, 1]);
}
