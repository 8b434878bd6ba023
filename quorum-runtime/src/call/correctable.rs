use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use futures::Stream;
use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::QuorumCall;
use crate::error::{QuorumError, QuorumErrorKind};
use crate::quorum::{Level, NodeId};

/// A call whose result improves in levels while replies come in, whether each node replies once or
/// several times.
///
/// It is a stream of levels: `next` yields each better level as it is reached, and ends after the
/// last one. [`level`](Self::level) waits for one that is good enough. Awaiting the call itself
/// waits for the last one.
///
/// A level that is no better than the one before is not shown, unless it is the last.
///
/// The idea is that of Guerraoui, Pavlovic and Seredinschi (Incremental Consistency Guarantees,
/// 2016): a program can show, or speculate on, a weak result while the strong one is on its way.
///
/// # Errors
///
/// The call ends with a [`QuorumError`] when its function fails it, or when no node can answer any
/// more, or its deadline has passed, before the last level was reached.
///
/// # Cancel safety
///
/// Dropping the wait for one level loses nothing. Dropping the call stops waiting; where a node may
/// reply several times, it is also told to stop: a request that was not sent yet is not sent, and a
/// handler is dropped where it waits. A node of Gorums can't be told, and goes on.
///
/// # Panics
///
/// Waiting panics when the function that makes the levels does.
///
/// # Examples
///
/// Each node replies once. Where the specification says nothing else, each reply is a level, and
/// that of a majority the last:
///
/// ```
/// use futures::StreamExt as _;
/// use quorum_runtime::{Majority, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let register = Manager::builder().nodes(servers(3).await).build()?.register(Majority)?;
/// register.write(State::new(1, "hello")).await?;
///
/// let levels: Vec<_> = register.newest(()).collect().await;
/// assert_eq!(levels.len(), 2);
/// assert_eq!(register.newest(()).await?.text, "hello"); // the last
/// # Ok(())
/// # }
/// ```
///
/// Each node replies several times, and its last reply counts:
///
/// ```
/// use quorum_runtime::{Level, Manager, Replies, Verdict};
///
/// struct Versions;
///
/// impl RegisterQuorumSpec for Versions {
///     fn watch(&self, (): &(), replies: &Replies<State>) -> Verdict<Level<State>> {
///         let newest = replies.values().max_by_key(|state| state.version);
///         newest.map(|state| Level::new(state.version as u32, state.clone())).into()
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let register = Manager::builder().nodes(servers(3).await).build()?.register(Versions)?;
/// let mut changes = register.watch(());
/// register.write(State::new(7, "hello")).await?;
/// assert_eq!(changes.level(7).await?.value.text, "hello");
/// # Ok(())
/// # }
/// ```
#[must_use = "a call that is not awaited is sent, but its result is lost"]
pub struct Correctable<Q, R, T> {
    call: QuorumCall<Q, R, Level<T>>,
    /// The number of the level that was shown last.
    shown: Option<u32>,
    ended: bool,
}

impl<Q, R: Message + Default, T> Correctable<Q, R, T> {
    pub(crate) const fn new(call: QuorumCall<Q, R, Level<T>>) -> Self {
        Self { call, shown: None, ended: false }
    }

    /// Passes each reply through this function before a level is made of it, as
    /// [`QuorumCall::map_replies`](crate::QuorumCall::map_replies) does. A node that may reply several
    /// times is told to stop when one of its replies is rejected; what it said before still stands.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager, Status};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(3).await).build()?;
    /// manager.node(2)?.write(State::new(99, "mine")).await?;
    /// let newest = manager.register(Majority)?.newest(()).map_replies(|_node, state, _metadata| {
    ///     let is_known = state.version < 10;
    ///     is_known.then_some(state).ok_or_else(|| Status::out_of_range("nobody has written that"))
    /// });
    /// assert_eq!(newest.await?.version, 0); // of nodes 1 and 3
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_replies(
        mut self,
        map: impl FnMut(NodeId, R, &MetadataMap) -> Result<R, Status> + Send + 'static,
    ) -> Self {
        self.call = self.call.map_replies(map);
        self
    }

    /// Stops waiting, and asks the nodes to stop, as
    /// [`QuorumCall::cancel`](crate::QuorumCall::cancel) does. Where nodes reply several times,
    /// dropping the call does so too.
    pub fn cancel(self) {
        self.call.cancel();
    }

    /// Waits for the next better level; `None` after the last one or an error.
    ///
    /// # Errors
    ///
    /// When the call ends before its last level.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing.
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
    /// let mut call = register.newest(());
    /// let first = call.next().await.expect("the level of one reply")?;
    /// let last = call.next().await.expect("the level of a majority")?;
    /// assert!(!first.is_last && last.is_last);
    /// assert!(call.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Result<Level<T>, QuorumError>> {
        poll_fn(|task| self.poll_level(task)).await
    }

    /// Waits for a level of this number, or a better one.
    ///
    /// # Errors
    ///
    /// When the call ends before that. A last level that is not good enough is an error too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses the levels below this number that have come, as waiting does.
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
    /// let mut call = register.newest(());
    /// assert!(call.level(2).await?.is_last);
    /// call.level(3).await.unwrap_err();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn level(&mut self, number: u32) -> Result<Level<T>, QuorumError> {
        while let Some(level) = self.next().await {
            let level = level?;
            if level.number >= number {
                return Ok(level);
            }
        }
        Err(self.call.error(self.call.out_of_reach()))
    }

    fn poll_level(&mut self, task: &mut Task<'_>) -> Poll<Option<Result<Level<T>, QuorumError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let _entered = self.call.gather.enter();
        if self.call.holds_no_quorum() {
            return self.end(Err(self.call.error(QuorumErrorKind::TargetsHoldNoQuorum)));
        }
        while let Some(outcome) = ready!(self.call.gather.poll_next(task)) {
            match self.call.record(outcome) {
                Some(Ok(level)) if level.is_last => return self.end(Ok(level)),
                Some(Ok(level)) if Some(level.number) > self.shown => {
                    self.shown = Some(level.number);
                    return Poll::Ready(Some(Ok(level)));
                }
                Some(Err(error)) => return self.end(Err(error)),
                Some(Ok(_)) | None => {}
            }
        }
        self.end(Err(self.call.error(self.call.out_of_reach())))
    }

    fn end(
        &mut self,
        last: Result<Level<T>, QuorumError>,
    ) -> Poll<Option<Result<Level<T>, QuorumError>>> {
        self.ended = true;
        self.call.gather.end(&last);
        Poll::Ready(Some(last))
    }
}

impl<Q, R, T> Unpin for Correctable<Q, R, T> {}

impl<Q, R: Message + Default, T> Stream for Correctable<Q, R, T> {
    type Item = Result<Level<T>, QuorumError>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_level(task)
    }
}

impl<Q, R: Message + Default, T> IntoFuture for Correctable<Q, R, T> {
    type Output = Result<T, QuorumError>;
    type IntoFuture = CorrectableFuture<Q, R, T>;

    fn into_future(self) -> Self::IntoFuture {
        CorrectableFuture(self)
    }
}

/// The wait for the last level of a [`Correctable`].
///
/// It has a name for those who keep several, in a vector or in a value of their own. Dropping it is
/// as safe as dropping the call.
///
/// ```
/// use quorum_runtime::{CorrectableFuture, Majority, Manager};
///
/// /// A search that was begun, for a value of one's own.
/// struct Search(CorrectableFuture<(), State, State>);
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let register = Manager::builder().nodes(servers(3).await).build()?.register(Majority)?;
/// let search = Search(register.newest(()).into_future());
/// register.write(State::new(1, "too late")).await?;
/// assert_eq!(search.0.await?.text, "");
/// # Ok(())
/// # }
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct CorrectableFuture<Q, R, T>(Correctable<Q, R, T>);

impl<Q, R: Message + Default, T> Future for CorrectableFuture<Q, R, T> {
    type Output = Result<T, QuorumError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let correctable = &mut self.0;
        loop {
            match ready!(correctable.poll_level(task)) {
                Some(Ok(level)) if level.is_last => return Poll::Ready(Ok(level.value)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => {
                    let call = &correctable.call;
                    return Poll::Ready(Err(call.error(call.out_of_reach())));
                }
            }
        }
    }
}

impl<Q: fmt::Debug, R: fmt::Debug, T> fmt::Debug for Correctable<Q, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Correctable")
            .field("call", &self.call)
            .field("shown", &self.shown)
            .finish_non_exhaustive()
    }
}

impl<Q: fmt::Debug, R: fmt::Debug, T> fmt::Debug for CorrectableFuture<Q, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CorrectableFuture").field(&self.0).finish()
    }
}
