use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use prost::Message;

use super::Gather;
use crate::error::RpcError;

/// A call to one node that has been sent. Awaiting it waits for the reply, `R`.
///
/// # Errors
///
/// Ends with an [`RpcError`] that names the node and the cause, at the latest when the deadline has
/// passed: that of the request ([`Request::set_timeout`](crate::Request::set_timeout)) or else the
/// manager's [`timeout`](crate::ManagerBuilder::timeout).
///
/// # Cancel safety
///
/// Dropping the call stops waiting. It neither takes back what was sent nor changes its order.
#[must_use = "a call that is not awaited is sent, but its reply is lost"]
pub struct Rpc<R> {
    gather: Gather,
    reply: PhantomData<fn() -> R>,
}

impl<R> Rpc<R> {
    pub(crate) const fn new(gather: Gather) -> Self {
        Self { gather, reply: PhantomData }
    }
}

impl<R: Message + Default> IntoFuture for Rpc<R> {
    type Output = Result<R, RpcError>;
    type IntoFuture = RpcFuture<R>;

    fn into_future(self) -> RpcFuture<R> {
        RpcFuture(self)
    }
}

/// The wait for the reply of an [`Rpc`].
#[must_use = "futures do nothing unless awaited"]
pub struct RpcFuture<R>(Rpc<R>);

impl<R: Message + Default> Future for RpcFuture<R> {
    type Output = Result<R, RpcError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let gather = &mut self.0.gather;
        let outcome = ready!(gather.poll_next(task));
        let outcome = outcome.expect("a call to one node ends with its first outcome");
        let node = outcome.node;
        Poll::Ready(outcome.decode().map_err(|error| RpcError {
            method: gather.method().name,
            failure: gather.failure(node, error),
        }))
    }
}

impl<R> fmt::Debug for Rpc<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc").field("method", &self.gather.method().name).finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for RpcFuture<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RpcFuture").field(&self.0).finish()
    }
}
