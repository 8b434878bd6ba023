use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::{CallOutcome, Event, EventKind, Message, Observer, Process};

const CALLS: &str = "quorum_calls_total";
const REPLIES: &str = "quorum_replies_total";
const ERRORS: &str = "quorum_errors_total";
const QUEUE_DEPTH: &str = "quorum_queue_depth";
const RECONNECTS: &str = "quorum_reconnects_total";
const CALL_DURATION: &str = "quorum_call_duration_seconds";
const HANDLER_DURATION: &str = "quorum_handler_duration_seconds";

/// An observer that counts and times events for the recorder of the crate
/// [`metrics`](https://docs.rs/metrics), which any exporter installs, that of Prometheus for example.
///
/// | metric | labels | what it is |
/// |---|---|---|
/// | `quorum_calls_total` | `method`, `outcome` | calls that ended, by [`CallOutcome::name`] |
/// | `quorum_replies_total` | `method` | replies that came while somebody waited for them |
/// | `quorum_errors_total` | `method`, `cause` | nodes' parts of calls that ended without a reply |
/// | `quorum_queue_depth` | `node` | messages that wait for the connection, a gauge |
/// | `quorum_reconnects_total` | `node` | connections that were opened after the first |
/// | `quorum_call_duration_seconds` | `method` | from the call to its result, a histogram |
/// | `quorum_handler_duration_seconds` | `method` | from a handler's begin to its return, a histogram |
///
/// A cause is named by [`EventKind::cause`]. The depth of a queue is
/// taken whenever a message is put on it or leaves it, and when a connection ends.
///
/// ```
/// use quorum_runtime::{Manager, Metrics};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // After the exporter was installed, so that it hears what the metrics mean.
/// let manager = Manager::builder().nodes(servers(1).await).observer(Metrics::new()).build()?;
/// manager.node(1)?.read(()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Metrics(());

impl Metrics {
    /// Describes the metrics to the recorder that is installed.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it does something")]
    pub fn new() -> Self {
        describe_counter!(CALLS, "Calls that ended, by their outcome");
        describe_counter!(REPLIES, "Replies that came while somebody waited for them");
        describe_counter!(ERRORS, "Nodes' parts of calls that ended without a reply, by cause");
        describe_gauge!(QUEUE_DEPTH, "Messages that wait for the connection to the node");
        describe_counter!(RECONNECTS, "Connections to the node that were opened after the first");
        describe_histogram!(CALL_DURATION, Unit::Seconds, "From the call to its result");
        describe_histogram!(
            HANDLER_DURATION,
            Unit::Seconds,
            "From a handler's begin to its return"
        );
        Self(())
    }
}

impl Observer for Metrics {
    fn event(&self, event: &Event) {
        if let (Some(waiting), Some(node)) = (event.waiting, node(event.peer)) {
            #[expect(clippy::cast_precision_loss, reason = "no queue is that long")]
            gauge!(QUEUE_DEPTH, "node" => node).set(waiting as f64);
        }
        let method = || event.method.clone();
        match &event.kind {
            EventKind::Ended { outcome, elapsed } => {
                counter!(CALLS, "method" => method(), "outcome" => outcome.name()).increment(1);
                if *outcome == CallOutcome::Done {
                    histogram!(CALL_DURATION, "method" => method()).record(*elapsed);
                }
            }
            EventKind::Received(Message::Reply) if !event.method.is_empty() => {
                counter!(REPLIES, "method" => method()).increment(1);
            }
            EventKind::Failed(_) => {
                let cause = event.kind.cause().unwrap_or_default();
                counter!(ERRORS, "method" => method(), "cause" => cause).increment(1);
            }
            EventKind::Connected { number } if *number > 1 => {
                if let Some(node) = node(event.peer) {
                    counter!(RECONNECTS, "node" => node).increment(1);
                }
            }
            EventKind::HandlerEnded { elapsed } => {
                histogram!(HANDLER_DURATION, "method" => method()).record(*elapsed);
            }
            _ => {}
        }
    }
}

fn node(peer: Option<Process>) -> Option<String> {
    peer?.node.map(|node| node.to_string())
}
