use std::sync::Arc;

use tracing::Span;

use super::Event;

/// Sees what happens to the calls, messages, handlers and connections of one process.
///
/// [`ManagerBuilder::observer`](crate::ManagerBuilder::observer) and
/// [`Server::observer`](crate::Server::observer) set it. Without one no event is built. A pair of
/// observers is an observer too, and so is an [`Arc`] of one.
///
/// The events are listed at [`EventKind`](crate::EventKind). [`Tracing`](crate::Tracing) writes them
/// to `tracing`, `Metrics` (with the feature `metrics`) counts them, and
/// [`EventLog`](crate::EventLog) keeps them.
///
/// It is called where the event happens: on the task that calls, on that of a connection, in a handler.
/// So it must neither wait nor panic: a panic ends what it happens in. It may be called from several
/// threads at once. No lock of the runtime is held.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use quorum_runtime::{Event, EventKind, Majority, Manager, Observer};
///
/// /// Counts the nodes that failed in calls.
/// #[derive(Default)]
/// struct Failures(AtomicUsize);
///
/// impl Observer for Failures {
///     fn event(&self, event: &Event) {
///         if matches!(event.kind, EventKind::Failed(_)) {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let failures = Arc::new(Failures::default());
/// let manager = Manager::builder()
///     .nodes(servers(2).await)
///     .node(3, nobody())
///     .observer(Arc::clone(&failures))
///     .build()?;
/// manager.register(Majority)?.read(()).all().await.unwrap_err();
/// assert_eq!(failures.0.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Something has happened.
    fn event(&self, event: &Event);

    /// Whether [`Event::content`] is to be there. It shares the memory of what was sent or received,
    /// so an observer that keeps events keeps that too. Asked once, when the observer is set. Default:
    /// no.
    fn wants_content(&self) -> bool {
        false
    }

    /// The span in which a handler runs, asked for after
    /// [`HandlerBegun`](crate::EventKind::HandlerBegun), and that in which a call is awaited, asked
    /// for after [`Called`](crate::EventKind::Called). By default there is none.
    ///
    /// It is entered each time the handler or the wait runs, and dropped when it ends.
    fn span(&self, event: &Event) -> Span {
        let _ = event;
        Span::none()
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn event(&self, event: &Event) {
        (**self).event(event);
    }

    fn wants_content(&self) -> bool {
        (**self).wants_content()
    }

    fn span(&self, event: &Event) -> Span {
        (**self).span(event)
    }
}

/// Both see every event, and with its content if either asks for that. The span is that of the first which has one.
impl<First: Observer, Second: Observer> Observer for (First, Second) {
    fn event(&self, event: &Event) {
        self.0.event(event);
        self.1.event(event);
    }

    fn wants_content(&self) -> bool {
        self.0.wants_content() || self.1.wants_content()
    }

    fn span(&self, event: &Event) -> Span {
        let span = self.0.span(event);
        if span.is_none() { self.1.span(event) } else { span }
    }
}
