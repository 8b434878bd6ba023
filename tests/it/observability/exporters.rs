//! What is made of the events: logs with spans, and metrics.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use quorum_runtime::{Call, Majority, Manager, Metrics, Server, Status, Tracing};
use quorum_tests::recorder::{
    RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderServer,
};
use quorum_tests::{PATIENCE, Recording, item, text};
use tracing::Level;

use super::serve;

#[quorum_macros::service]
pub trait Talker {
    async fn talk(&self, request: ()) -> ();
    async fn whisper(&self, request: ()) -> ();
}

struct Talking;

impl Talker for Talking {
    async fn talk(&self, call: Call, (): ()) -> Result<(), Status> {
        call.release();
        tracing::info!("before");
        tokio::task::yield_now().await;
        tracing::info!("after");
        Ok(())
    }

    async fn whisper(&self, _: Call, (): ()) -> Result<(), Status> {
        Err(Status::not_found("nobody"))
    }
}

/// The lines that were logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn with(&self, part: &str) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().filter(|line| line.contains(part)).map(ToOwned::to_owned).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logging(level: Level) -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .with_max_level(level)
        .with_writer(move || writer.clone())
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn what_a_handler_logs_stands_in_its_span() {
    let (lines, _guard) = logging(Level::INFO);
    let server = Server::builder().service(TalkerServer::new(Talking)).observer(Tracing);
    let address = serve(server).await;
    let manager = Manager::builder().nodes([address]).incarnation(255).build().unwrap();
    manager.node(1).unwrap().talk(()).await.unwrap();
    for text in ["before", "after"] {
        let [line] = &lines.with(text)[..] else { panic!("{text} is logged once") };
        let span = "quorum.handle{method=\"Talker.Talk\" peer=process 00000000000000ff sequence=1}";
        assert!(line.contains(span), "{line}");
    }
    assert_eq!(lines.with("quorum.call").len(), 0, "the client is not observed");
}

#[tokio::test]
async fn the_quorum_function_of_a_call_runs_in_its_span() {
    let (lines, _guard) = logging(Level::INFO);
    let address = serve(Server::builder().service(RecorderServer::new(Recording::default()))).await;
    let manager = Manager::builder().nodes([address]).observer(Tracing).build().unwrap();
    let decided = manager.recorder(Majority).unwrap().record(item(7)).decide(|_, replies| {
        tracing::info!("deciding");
        replies.first_of(&Majority)
    });
    decided.await.unwrap();
    tracing::info!("outside");
    let deciding = lines.with("deciding");
    let span = "quorum.call{method=\"recorder.Recorder.Record\" sequence=1}";
    assert!(
        !deciding.is_empty() && deciding.iter().all(|line| line.contains(span)),
        "{deciding:?}"
    );
    assert!(lines.with("outside").iter().all(|line| !line.contains("quorum.call")));
}

#[tokio::test]
async fn events_are_logged_with_their_fields_and_levels() {
    let (lines, _guard) = logging(Level::TRACE);
    let address = serve(Server::builder().service(TalkerServer::new(Talking))).await;
    let manager =
        Manager::builder().node(7, address).incarnation(255).observer(Tracing).build().unwrap();
    manager.node(7).unwrap().whisper(()).await.unwrap_err();
    let line = |kind: &str| {
        let lines = lines.with(&format!("kind=\"{kind}\""));
        assert_eq!(lines.len(), 1, "{kind}: {lines:?}");
        lines[0].clone()
    };
    assert!(line("connected").contains("INFO quorum: connected "));
    assert!(line("called").contains("DEBUG"));
    assert!(line("sent").contains("TRACE"));
    let failed = line("failed");
    for field in [
        "DEBUG",
        "at=process 00000000000000ff",
        "peer=node 7",
        "method=\"Talker.Whisper\"",
        "sequence=1",
        "cause=\"not_found\"",
        "error=nobody (NotFound)",
    ] {
        assert!(failed.contains(field), "{field} in {failed}");
    }
    let ended = line("ended");
    assert!(ended.contains("outcome=\"failed\"") && ended.contains("elapsed="), "{ended}");
}

/// What was counted, by name and labels.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<BTreeMap<String, f64>>>);

struct Cell(Counted, String);

impl Cell {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut counted = self.0.0.lock().unwrap();
        let value = counted.entry(self.1.clone()).or_default();
        *value = change(*value);
    }
}

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.change(|now| now + value as f64);
    }

    fn absolute(&self, value: u64) {
        self.change(|_| value as f64);
    }
}

impl GaugeFn for Cell {
    fn increment(&self, value: f64) {
        self.change(|now| now + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|now| now - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl HistogramFn for Cell {
    /// Counts the samples that are plausible.
    fn record(&self, value: f64) {
        assert!((0.0..PATIENCE.as_secs_f64()).contains(&value), "{value} seconds");
        self.change(|now| now + 1.0);
    }
}

impl Counted {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let mut labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        Arc::new(Cell(self.clone(), format!("{}{{{}}}", key.name(), labels.join(","))))
    }

    fn described(&self, name: &KeyName) {
        self.0.lock().unwrap().insert(format!("described {}", name.as_str()), 1.0);
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described(&name);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described(&name);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described(&name);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}

#[tokio::test]
async fn calls_replies_errors_and_times_are_counted() {
    let counted = Counted::default();
    let _guard = metrics::set_default_local_recorder(&counted);
    let server = Server::builder().service(RecorderServer::new(Recording::default()));
    let address = serve(server.observer(Metrics::new())).await;
    let nodes = [address.as_str(), "127.0.0.1:1"];
    let manager = Manager::builder().nodes(nodes).observer(Metrics::new()).build().unwrap();
    let node = manager.node(1).unwrap();
    for number in 0..3 {
        node.ask(item(number)).await.unwrap();
    }
    node.ask(text("fail")).await.unwrap_err();
    let nobody = manager.node(2).unwrap();
    drop((nobody.tell(item(1)), nobody.tell(item(2)))); // which fill the queue for a while
    let recorder = manager.recorder(Majority).unwrap();
    recorder.record(item(7)).await.unwrap_err();

    let mut counted = counted.0.lock().unwrap().clone();
    let described: Vec<_> =
        counted.keys().filter_map(|name| name.strip_prefix("described ")).collect();
    assert_eq!(
        described,
        [
            "quorum_call_duration_seconds",
            "quorum_calls_total",
            "quorum_errors_total",
            "quorum_handler_duration_seconds",
            "quorum_queue_depth",
            "quorum_reconnects_total",
            "quorum_replies_total",
        ]
    );
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/observability.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `quorum_"));
    let mut rows: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    rows.sort_unstable();
    let names = described.iter().filter_map(|name| name.strip_prefix("quorum_"));
    assert!(names.eq(rows.iter().copied()), "the guide lists {rows:?}");
    counted.retain(|name, _| {
        name.contains("Ask") || name.contains("Record}") || name.contains("node")
    });
    let counted: Vec<_> = counted.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let ask = [
        ("quorum_call_duration_seconds{method=recorder.Recorder.Ask}", 3.0),
        ("quorum_calls_total{method=recorder.Recorder.Ask,outcome=done}", 3.0),
        ("quorum_calls_total{method=recorder.Recorder.Ask,outcome=failed}", 1.0),
        ("quorum_errors_total{cause=not_found,method=recorder.Recorder.Ask}", 1.0),
        ("quorum_handler_duration_seconds{method=recorder.Recorder.Ask}", 4.0),
        ("quorum_queue_depth{node=1}", 0.0),
        ("quorum_queue_depth{node=2}", 0.0),
        ("quorum_replies_total{method=recorder.Recorder.Ask}", 3.0),
    ];
    for metric in ask {
        assert!(counted.contains(&metric), "{metric:?} in {counted:?}");
    }
}
