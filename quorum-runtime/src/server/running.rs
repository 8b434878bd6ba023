use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::Status;

use super::registry::HandlerId;
use super::service::{Outcome, message_of};

/// A handler at work, in a place that the next one of the same method can have after it: so nothing is
/// allocated for a request.
#[derive(Default)]
pub(super) struct Running(Option<Box<dyn Place>>);

/// A place for handlers of one method.
trait Place: Any + Send {
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Outcome>;
    fn clear(&mut self);
}

struct Room<F> {
    method: &'static str,
    handler: Pin<Box<Option<F>>>,
}

/// The places for the handlers of one caller, one for each method that it has called.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Running>);

impl Places {
    pub(super) fn of(&mut self, HandlerId(at): HandlerId) -> &mut Running {
        if self.0.len() <= at {
            self.0.resize_with(at + 1, Running::default);
        }
        &mut self.0[at]
    }
}

impl Running {
    /// Puts a handler there. Whichever was there is gone.
    pub(super) fn set<F>(&mut self, method: &'static str, handler: F)
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        if let Some(place) = &mut self.0 {
            let place: &mut dyn Any = &mut **place;
            if let Some(room) = place.downcast_mut::<Room<F>>() {
                room.handler.set(Some(handler));
                return;
            }
        }
        self.0 = Some(Box::new(Room { method, handler: Box::pin(Some(handler)) }));
    }

    /// Drops the handler, if there is one.
    pub(super) fn clear(&mut self) {
        if let Some(place) = &mut self.0 {
            place.clear();
        }
    }

    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<Outcome> {
        self.0.as_mut().map_or(Poll::Pending, |place| place.poll(task))
    }
}

impl Future for Running {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Outcome> {
        self.get_mut().poll(task)
    }
}

impl<F: Future<Output = Outcome> + Send + 'static> Place for Room<F> {
    /// A handler goes as soon as it has ended. One that panics answers with a status: its client would
    /// wait for ever, and the other requests of its connection would fall with it.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Outcome> {
        let handler = &mut self.handler;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let polled = handler.as_mut().as_pin_mut().map_or(Poll::Pending, |it| it.poll(task));
            if polled.is_ready() {
                handler.set(None);
            }
            polled
        }));
        polled.unwrap_or_else(|panic| {
            self.clear();
            Poll::Ready(Some(Err(panicked(self.method, &*panic))))
        })
    }

    fn clear(&mut self) {
        self.handler.set(None);
    }
}

/// What the client of a handler that panicked is told.
pub(super) fn panicked(method: &'static str, panic: &(dyn Any + Send)) -> Status {
    let reason = message_of(panic);
    tracing::error!(method, reason, "a handler panicked");
    Status::internal(format!("the handler panicked: {reason}"))
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::sync::Arc;

    use futures::task::noop_waker_ref;

    use super::*;

    /// Ends at its second poll, and holds something as long as it is there.
    fn handler(held: &Arc<()>) -> impl Future<Output = Outcome> + Send + use<> {
        let (held, mut polled) = (Arc::clone(held), false);
        poll_fn(move |_| {
            assert_eq!(Arc::strong_count(&held), 2, "the one before is gone");
            if std::mem::replace(&mut polled, true) { Poll::Ready(None) } else { Poll::Pending }
        })
    }

    fn poll(running: &mut Running) -> Poll<Option<tonic::Code>> {
        let polled = running.poll(&mut Context::from_waker(noop_waker_ref()));
        polled.map(|outcome| outcome.and_then(|outcome| outcome.err().map(|status| status.code())))
    }

    #[test]
    fn a_handler_goes_when_it_has_ended_and_leaves_its_place() {
        let (held, mut running) = (Arc::new(()), Running::default());
        assert_eq!(poll(&mut running), Poll::Pending);
        for _ in 0..3 {
            running.set("a.B.C", handler(&held));
            assert_eq!(poll(&mut running), Poll::Pending);
            assert_eq!(poll(&mut running), Poll::Ready(None));
            assert_eq!(Arc::strong_count(&held), 1);
            assert!(running.0.is_some());
        }
        running.set("a.B.C", handler(&held));
        running.clear();
        assert_eq!(Arc::strong_count(&held), 1);
        running.set("a.B.C", pending());
        assert_eq!(poll(&mut running), Poll::Pending);
    }

    #[test]
    fn a_handler_that_panics_is_answered_for_and_gone() {
        let (held, mut running) = (Arc::new(()), Running::default());
        for _ in 0..2 {
            let held = Arc::clone(&held);
            running.set("a.B.C", poll_fn(move |_| panic!("{held:?}")));
            assert_eq!(poll(&mut running), Poll::Ready(Some(tonic::Code::Internal)));
            assert_eq!(poll(&mut running), Poll::Pending);
        }
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
