use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;
use tracing::Span;

use super::EventKind;
use super::scope::{Observed, Subject};

/// A handler as its observer sees it. When it is dropped, the handler has ended.
pub(crate) struct ObservedHandler {
    observed: Arc<Observed>,
    subject: Subject,
    span: Span,
    begun: Instant,
    has_returned: bool,
}

impl ObservedHandler {
    /// Tells that it begins.
    pub(super) fn begin(observed: &Arc<Observed>, subject: Subject) -> Self {
        let observed = Arc::clone(observed);
        let (span, begun) = observed.begin(subject.clone(), EventKind::HandlerBegun);
        Self { observed, subject, span, begun, has_returned: false }
    }

    /// Runs the handler in its span.
    pub(crate) fn run<F: Future + Unpin>(
        self: Box<Self>,
        running: F,
    ) -> impl Future<Output = F::Output> {
        Handler { running: Some(running), observed: self }
    }
}

impl Drop for ObservedHandler {
    fn drop(&mut self) {
        let elapsed = self.begun.elapsed();
        let kind = if self.has_returned {
            EventKind::HandlerEnded { elapsed }
        } else {
            EventKind::HandlerStopped { elapsed }
        };
        self.observed.tell(std::mem::take(&mut self.subject), kind);
    }
}

/// A handler that is observed while it runs.
struct Handler<F> {
    /// `None` once it is gone, which it goes in its span.
    running: Option<F>,
    observed: Box<ObservedHandler>,
}

impl<F: Future + Unpin> Future for Handler<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let Self { running: Some(running), observed } = self.get_mut() else {
            return Poll::Pending;
        };
        let _entered = observed.span.enter();
        let polled = Pin::new(running).poll(task);
        observed.has_returned = polled.is_ready();
        polled
    }
}

impl<F> Drop for Handler<F> {
    fn drop(&mut self) {
        let _entered = self.observed.span.enter();
        self.running = None;
    }
}
