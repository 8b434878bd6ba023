use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use prost::Message;

use super::Gather;
use super::intercept::Decoder;
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
///
/// # Examples
///
/// ```
/// use quorum_runtime::Manager;
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(1).await).build()?;
/// let node = manager.node(1)?;
/// let first = node.swap(State::new(1, "first")); // sent
/// let second = node.swap(State::new(2, "second")); // sent behind it
/// assert_eq!(second.await?.text, "first");
/// assert_eq!(first.await?.text, "");
/// # Ok(())
/// # }
/// ```
#[must_use = "a call that is not awaited is sent, but its reply is lost"]
pub struct Rpc<R> {
    gather: Gather,
    reply: PhantomData<fn() -> R>,
}

impl<R> Rpc<R> {
    pub(crate) const fn new(gather: Gather) -> Self {
        Self { gather, reply: PhantomData }
    }

    /// Stops waiting, and asks the node to stop, as [`QuorumCall::cancel`](crate::QuorumCall::cancel)
    /// does.
    pub fn cancel(self) {
        self.gather.cancel();
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
///
/// It has a name for those who keep several, in a vector or in a value of their own. Dropping it is
/// as safe as dropping the call.
///
/// # Panics
///
/// When it is polled again after it was ready, which `await` never does.
///
/// # Examples
///
/// ```
/// use futures::future::try_join_all;
/// use quorum_runtime::{Manager, RpcFuture};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(1).await).build()?;
/// let swap = |version| manager.nodes()[0].swap(State::new(version, "")).into_future();
/// let swaps: Vec<RpcFuture<State>> = (1..=100).map(swap).collect();
/// let replies = try_join_all(swaps).await?;
/// assert!(replies.iter().map(|state| state.version).eq(0..100));
/// # Ok(())
/// # }
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct RpcFuture<R>(Rpc<R>);

impl<R: Message + Default> Future for RpcFuture<R> {
    type Output = Result<R, RpcError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let gather = &mut self.0.gather;
        let _entered = gather.enter();
        let outcome = ready!(gather.poll_next(task));
        let outcome = outcome.expect("a call to one node ends with its first outcome");
        let node = outcome.node;
        let result = Decoder::default().decode_result(outcome, gather);
        gather.end(&result);
        Poll::Ready(result.map_err(|error| RpcError {
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
