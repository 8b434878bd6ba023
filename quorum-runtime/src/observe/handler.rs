use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;
use tracing::Span;

use super::EventKind;
use super::scope::{Observed, Subject};

pub(super) type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Tells that a handler begins, runs it in the span of its observer, and tells how it ended.
pub(super) fn run<T: Send + 'static>(
    observed: Arc<Observed>,
    subject: Subject,
    begin: impl FnOnce() -> Running<T>,
) -> Running<T> {
    let (span, begun) = observed.begin(subject.clone(), EventKind::HandlerBegun);
    let running = span.in_scope(begin);
    let told = Told { observed, subject, begun, ended: false };
    Box::pin(Handler { running: Some(running), span, told })
}

/// A handler that is observed while it runs.
struct Handler<T> {
    /// Taken when it is dropped, which happens in its span too.
    running: Option<Running<T>>,
    span: Span,
    told: Told,
}

/// Tells the end of a handler, when it is dropped.
struct Told {
    observed: Arc<Observed>,
    subject: Subject,
    begun: Instant,
    ended: bool,
}

impl<T> Future for Handler<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<T> {
        let handler = self.get_mut();
        let Some(running) = &mut handler.running else {
            return Poll::Pending;
        };
        let _entered = handler.span.enter();
        let polled = running.as_mut().poll(task);
        if polled.is_ready() {
            handler.running = None;
            handler.told.end(true);
        }
        polled
    }
}

impl<T> Drop for Handler<T> {
    fn drop(&mut self) {
        let _entered = self.span.enter();
        self.running = None;
        self.told.end(false);
    }
}

impl Told {
    fn end(&mut self, has_returned: bool) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let elapsed = self.begun.elapsed();
        let kind = if has_returned {
            EventKind::HandlerEnded { elapsed }
        } else {
            EventKind::HandlerStopped { elapsed }
        };
        self.observed.tell(self.subject.clone(), kind);
    }
}
