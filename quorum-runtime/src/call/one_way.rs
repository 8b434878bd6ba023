use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use super::Gather;
use crate::error::{NodeFailure, SendError};

/// A one-way message that is on the queue of every target.
///
/// It may be dropped: the message is sent all the same. Awaiting it waits until the connection of
/// each target has taken the message from the queue; what the node makes of it is not known.
///
/// # Errors
///
/// A [`SendError`] names each node whose connection did not take the message, at the latest when
/// the deadline has passed: that of the request
/// ([`Request::set_timeout`](crate::Request::set_timeout)) or else the manager's
/// [`timeout`](crate::ManagerBuilder::timeout). A message whose deadline has passed stays on its
/// queue.
///
/// # Cancel safety
///
/// Dropping it stops waiting, and nothing else.
#[derive(Debug)]
pub struct OneWay {
    gather: Gather,
}

impl OneWay {
    pub(crate) const fn new(gather: Gather) -> Self {
        Self { gather }
    }
}

impl IntoFuture for OneWay {
    type Output = Result<(), SendError>;
    type IntoFuture = OneWayFuture;

    fn into_future(self) -> OneWayFuture {
        OneWayFuture { gather: self.gather, failures: Vec::new() }
    }
}

/// The wait for a [`OneWay`] message to be taken from its queues.
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct OneWayFuture {
    gather: Gather,
    failures: Vec<NodeFailure>,
}

impl Future for OneWayFuture {
    type Output = Result<(), SendError>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let Self { gather, failures } = self.get_mut();
        while let Some(outcome) = ready!(gather.poll_next(task)) {
            if let Err(error) = outcome.reply {
                failures.push(gather.failure(outcome.node, error));
            }
        }
        if failures.is_empty() {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(SendError {
            method: gather.method().name,
            targets: gather.targets().len(),
            failures: std::mem::take(failures),
        }))
    }
}
