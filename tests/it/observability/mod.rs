//! What observers are told: the events of each kind of call, at both ends, and what is made of them.

mod arrows;
mod causes;
mod exporters;
mod sequences;

use std::sync::Arc;
use std::time::Duration;

use quorum_runtime::{Event, EventLog, Manager, ManagerBuilder, Server};
use quorum_tests::recorder::RecorderServer;
use quorum_tests::{PATIENCE, Recording};
use tokio::net::TcpListener;

fn log() -> Arc<EventLog> {
    Arc::new(EventLog::new(100_000))
}

/// A server with a log and what it notes. It runs on the runtime of the test.
struct Observed {
    log: Arc<EventLog>,
    recording: Recording,
    address: String,
}

async fn observed() -> Observed {
    let (log, recording) = (log(), Recording::default());
    let server = Server::builder().service(RecorderServer::new(recording.clone()));
    let address = serve(server.observer(Arc::clone(&log))).await;
    Observed { log, recording, address }
}

async fn serve(server: Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    address
}

fn builder(log: &Arc<EventLog>) -> ManagerBuilder {
    Manager::builder()
        .timeout(PATIENCE)
        .reconnect_wait(Duration::from_millis(10), Duration::from_millis(100))
        .observer(Arc::clone(log))
}

/// The kinds of the events of the calls that were made from this process, or to it; those of
/// connections are left out.
fn kinds(events: &[Event]) -> Vec<String> {
    let of_calls = events.iter().filter(|event| event.sequence != 0);
    of_calls.map(|event| event.kind.to_string()).collect()
}

/// The kinds of the events of connections.
fn of_connections(log: &EventLog) -> Vec<String> {
    let events = log.events();
    let of_connections = events.iter().filter(|event| event.sequence == 0);
    of_connections.map(|event| event.kind.to_string()).collect()
}
