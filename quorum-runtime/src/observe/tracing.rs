use std::time::Duration;

use tracing::{Level, Span, field};

use super::{Event, EventKind, Observer};

/// An observer that writes every event to [`tracing`], and gives handlers and calls their spans.
///
/// The target is `quorum`. A message reads as the event does, and its fields are `kind`, `at`, `peer`,
/// `method`, `sequence`, `waiting`, and where they mean something `outcome`, `cause`, `error` and
/// `elapsed`. A connection that ends is a warning; those that open, and callers that come and go, are
/// `INFO`; calls and handlers are `DEBUG`, messages `TRACE`.
///
/// A handler runs in the span `quorum.handle`, and the wait for a call in the span `quorum.call`, so
/// what a program logs there carries their fields `method`, `peer` and `sequence`. The spans are
/// `INFO`.
///
/// A handler that panics is logged without any observer.
///
/// ```
/// use quorum_runtime::{Manager, Server, Tracing};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().service(RegisterServer::new(Replica::new())).observer(Tracing);
/// let address = serving(server).await;
/// let manager = Manager::builder().nodes([address]).observer(Tracing).build()?;
/// manager.node(1)?.read(()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracing;

impl Observer for Tracing {
    fn event(&self, event: &Event) {
        macro_rules! write {
            ($level:expr) => {
                tracing::event!(
                    target: "quorum",
                    $level,
                    kind = event.kind.name(),
                    at = %event.at,
                    peer = event.peer.map(field::display),
                    method = method(event),
                    sequence = (event.sequence != 0).then_some(event.sequence),
                    waiting = event.waiting,
                    outcome = outcome(&event.kind),
                    cause = event.kind.cause(),
                    error = event.kind.error().map(field::display),
                    note = event.kind.note().map(field::display),
                    elapsed = elapsed(&event.kind).map(field::debug),
                    "{}",
                    event.kind,
                )
            };
        }
        match &event.kind {
            EventKind::Disconnected(_) => write!(Level::WARN),
            EventKind::Connected { .. }
            | EventKind::CallerCame
            | EventKind::CallerWent
            | EventKind::Started
            | EventKind::Crashed
            | EventKind::Faulted(_)
            | EventKind::Noted(_) => write!(Level::INFO),
            EventKind::Called { .. }
            | EventKind::Failed(_)
            | EventKind::Ended { .. }
            | EventKind::HandlerBegun
            | EventKind::HandlerReleased
            | EventKind::HandlerEnded { .. }
            | EventKind::HandlerStopped { .. }
            | EventKind::Connecting
            | EventKind::Greeted => write!(Level::DEBUG),
            EventKind::Queued | EventKind::Sent(_) | EventKind::Received(_) => {
                write!(Level::TRACE);
            }
        }
    }

    fn span(&self, event: &Event) -> Span {
        let (method, sequence) = (method(event), event.sequence);
        match &event.kind {
            EventKind::HandlerBegun => tracing::info_span!(
                target: "quorum",
                "quorum.handle",
                method,
                peer = event.peer.map(field::display),
                sequence
            ),
            EventKind::Called { .. } => {
                tracing::info_span!(target: "quorum", "quorum.call", method, sequence)
            }
            _ => Span::none(),
        }
    }
}

fn method(event: &Event) -> Option<&str> {
    (!event.method.is_empty()).then_some(&*event.method)
}

fn outcome(kind: &EventKind) -> Option<&'static str> {
    match kind {
        EventKind::Ended { outcome, .. } => Some(outcome.name()),
        _ => None,
    }
}

const fn elapsed(kind: &EventKind) -> Option<Duration> {
    match kind {
        EventKind::Ended { elapsed, .. }
        | EventKind::HandlerEnded { elapsed }
        | EventKind::HandlerStopped { elapsed } => Some(*elapsed),
        _ => None,
    }
}
