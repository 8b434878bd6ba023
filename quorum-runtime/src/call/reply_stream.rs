use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use futures::Stream;
use prost::Message;

use super::{Gather, Reply};

/// Every reply and every failure of a call as it comes, each tied to its node.
///
/// Ends when every node has answered, failed, or run out of time. Dropping it stops waiting for the
/// rest.
#[must_use = "streams do nothing unless polled"]
pub struct ReplyStream<R> {
    gather: Gather,
    reply: PhantomData<fn() -> R>,
}

impl<R> ReplyStream<R> {
    pub(super) const fn new(gather: Gather) -> Self {
        Self { gather, reply: PhantomData }
    }
}

impl<R: Message + Default> Stream for ReplyStream<R> {
    type Item = Reply<R>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Reply<R>>> {
        let outcome = ready!(self.gather.poll_next(task));
        Poll::Ready(outcome.map(|outcome| Reply { node: outcome.node, result: outcome.decode() }))
    }
}

impl<R> fmt::Debug for ReplyStream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream").field("gather", &self.gather).finish()
    }
}
