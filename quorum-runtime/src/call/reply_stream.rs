use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use futures::Stream;
use prost::Message;

use super::intercept::Decoder;
use super::{Gather, Reply};
use crate::observe::CallOutcome;

/// Every reply and every failure of a call as it comes, each tied to its node.
///
/// Made by [`QuorumCall::replies`](super::QuorumCall::replies). Ends when every node has answered,
/// failed, or run out of time. A node whose method replies several times comes as often as it
/// replies; more than 4,096 replies or 16 MiB that wait to be read end the part of the node that
/// sends one more, with [`NodeError::Unread`](crate::NodeError::Unread).
///
/// # Cancel safety
///
/// Dropping the stream stops waiting for the rest. Dropping the wait for one reply loses nothing.
///
/// # Examples
///
/// ```
/// use futures::StreamExt as _;
/// use quorum_runtime::{Majority, Manager, Reply};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(2).await).node(3, nobody()).build()?;
/// let replies = manager.register(Majority)?.read(()).replies();
/// let mut failed = replies.filter(|reply| std::future::ready(reply.result.is_err()));
/// let Reply { node, result, .. } = failed.next().await.expect("one of the three is down");
/// assert_eq!(node.get(), 3);
/// assert_eq!(result.unwrap_err().to_string(), "cannot connect: connection refused");
/// # Ok(())
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct ReplyStream<R> {
    gather: Gather,
    decoder: Decoder<R>,
}

impl<R> ReplyStream<R> {
    pub(super) const fn new(gather: Gather, decoder: Decoder<R>) -> Self {
        Self { gather, decoder }
    }

    /// Stops waiting, and asks the nodes that have not answered yet to stop, as
    /// [`QuorumCall::cancel`](super::QuorumCall::cancel) does.
    pub fn cancel(self) {
        self.gather.cancel();
    }

    /// The next reply or failure; `None` at the end. The same as of a [`Stream`], for those who have no
    /// `StreamExt` in scope.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Option<Reply<R>>
    where
        R: Message + Default,
    {
        poll_fn(|task| Pin::new(&mut *self).poll_next(task)).await
    }
}

impl<R: Message + Default> Stream for ReplyStream<R> {
    type Item = Reply<R>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Reply<R>>> {
        let Self { gather, decoder } = &mut *self;
        let _entered = gather.enter();
        let outcome = ready!(gather.poll_next(task));
        if outcome.is_none() {
            gather.end(CallOutcome::Done);
        }
        Poll::Ready(outcome.map(|outcome| decoder.decode(outcome, gather)))
    }
}

impl<R> fmt::Debug for ReplyStream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream").field("gather", &self.gather).finish()
    }
}
