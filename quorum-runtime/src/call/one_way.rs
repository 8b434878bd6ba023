use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use super::Gather;
use crate::error::{NodeFailure, SendError};
use crate::observe::CallOutcome;

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
///
/// # Examples
///
/// ```
/// use quorum_runtime::{Majority, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let register = Manager::builder().nodes(servers(3).await).build()?.register(Majority)?;
/// register.spread(State::new(1, "hello")); // sent, and nobody waits
/// register.spread(State::new(2, "world")).await?; // every connection has taken it
///
/// // Requests are handled in the order of the calls, whatever their type.
/// assert_eq!(register.read(()).await?.text, "world");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OneWay {
    gather: Gather,
}

impl OneWay {
    pub(crate) const fn new(gather: Gather) -> Self {
        Self { gather }
    }

    /// Takes the message back where it was not sent yet, or still waits for its turn at the node.
    pub fn cancel(self) {
        self.gather.cancel();
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
///
/// It has a name for those who keep several, in a vector or in a value of their own. Dropping it is
/// as safe as dropping the message.
///
/// ```
/// use futures::future::try_join_all;
/// use quorum_runtime::{Manager, OneWayFuture};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(3).await).build()?;
/// let repair = |node: &quorum_runtime::Node| node.repair(State::new(1, "hello")).into_future();
/// let repairs: Vec<OneWayFuture> = manager.nodes().iter().map(repair).collect();
/// try_join_all(repairs).await?;
/// assert_eq!(manager.node(3)?.read(()).await?.text, "hello");
/// # Ok(())
/// # }
/// ```
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
        gather.end(match gather.expired() {
            _ if failures.is_empty() => CallOutcome::Done,
            Some(_) => CallOutcome::Deadline,
            None => CallOutcome::Failed,
        });
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
