use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use prost::Message;
use tonic::metadata::MetadataMap;

use super::Gather;
use super::gather::Outcome;
use super::intercept::Decoder;
use crate::error::{NodeError, QuorumError, QuorumErrorKind};
use crate::link::Answer;
use crate::quorum::{NodeId, NodeSet, Replies, Verdict};

/// Turns a request and the replies so far into a verdict.
pub(super) type QuorumFunction<Q, R, T> = Box<dyn Fn(&Q, &Replies<R>) -> Verdict<T> + Send>;

/// A quorum call that has been sent.
///
/// The request is on the queue of every target, or of the first of them where the configuration is
/// [`thrifty`](crate::Configuration::thrifty). Awaiting the call waits until the quorum function of
/// its method decides. The terminals below put something else in its place, for this call only:
/// a built-in rule ([`first`](Self::first), [`majority`](Self::majority),
/// [`threshold`](Self::threshold), [`all`](Self::all), [`quorum`](Self::quorum)), a closure
/// ([`decide`](Self::decide)), or all replies as they come ([`replies`](Self::replies)). The
/// function is asked again each time a node has replied or failed.
///
/// Quorum calls, quorum functions and the terminals for built-in rules are those of Gorums (Lea,
/// Jehl and Meling, 2017).
///
/// `Q` is the request, `R` the reply of one node, `T` what the quorum function makes of the
/// replies.
///
/// # Errors
///
/// The call ends with a [`QuorumError`] when no quorum can come any more, when the quorum function
/// fails it, or when its deadline has passed: that of the request
/// ([`Request::set_timeout`](crate::Request::set_timeout)) or else the manager's
/// [`timeout`](crate::ManagerBuilder::timeout).
///
/// # Cancel safety
///
/// Dropping the call stops waiting. It neither takes back what was sent nor changes its order; what
/// a thrifty call has not sent by then is not sent.
///
/// # Panics
///
/// Awaiting it panics when the quorum function does.
///
/// # Examples
///
/// ```
/// use quorum_runtime::{Majority, Manager, Replies, Verdict};
///
/// struct Newest;
///
/// impl RegisterQuorumSpec for Newest {
///     fn read(&self, (): &(), replies: &Replies<State>) -> Verdict<State> {
///         if !replies.is_quorum(&Majority) {
///             return Verdict::Pending;
///         }
///         replies.values().max_by_key(|state| state.version).cloned().into()
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let register = Manager::builder().nodes(servers(3).await).build()?.register(Newest)?;
/// register.write(State::new(1, "hello")).await?; // by default a majority is enough
/// assert_eq!(register.read(()).await?.text, "hello"); // by `Newest`
/// register.read(()).all().await?; // by another rule, once
/// # Ok(())
/// # }
/// ```
///
/// A method with `per_node_arg` sends each node a message of its own, or none:
///
/// ```
/// use quorum_runtime::{Majority, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(3).await).build()?;
/// let dealt = manager.register(Majority)?.deal(State::new(1, "part"), |state, node| {
///     let text = format!("{} {node}", state.text);
///     (node.get() != 3).then_some(State { text, ..state.clone() })
/// });
/// dealt.await?;
/// assert_eq!(manager.node(2)?.read(()).await?.text, "part 2");
/// assert_eq!(manager.node(3)?.read(()).await?.text, ""); // was sent nothing
/// # Ok(())
/// # }
/// ```
#[must_use = "a quorum call that is not awaited is sent, but its result is lost"]
pub struct QuorumCall<Q, R, T = R> {
    pub(super) request: Q,
    pub(super) replies: Replies<R>,
    pub(super) function: QuorumFunction<Q, R, T>,
    pub(super) gather: Gather,
    pub(super) decoder: Decoder<R>,
    /// For how many nodes there is a message.
    pub(super) targets: usize,
}

impl<Q, R, T> QuorumCall<Q, R, T> {
    pub(crate) fn new(
        request: Q,
        members: Arc<NodeSet>,
        gather: Gather,
        function: impl Fn(&Q, &Replies<R>) -> Verdict<T> + Send + 'static,
    ) -> Self {
        let targets = gather.outstanding();
        let mut replies = Replies::of(members, &targets);
        if gather.method().delivery.answer == Answer::Stream {
            replies = replies.streaming();
        }
        let targets = targets.len();
        let (function, decoder) = (Box::new(function), Decoder::default());
        Self { request, replies, function, gather, decoder, targets }
    }

    /// Waits until the quorum function decides, and keeps the call for the replies that are still
    /// to come: [`next`](Self::next) yields those. Asked for another time, it decides again with
    /// the next reply or failure.
    ///
    /// # Errors
    ///
    /// As for the call itself; and when it is asked for again after every node has answered.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing: replies that came stay with the call.
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
    /// let mut call = register.read(());
    /// call.result().await?; // of two nodes
    /// let late = call.next().await.expect("the third");
    /// assert!(late.result.is_ok());
    /// assert!(call.next().await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn result(&mut self) -> Result<T, QuorumError>
    where
        R: Message + Default,
    {
        poll_fn(|task| self.poll_result(task)).await
    }

    /// The next reply or failure that was not taken into account by [`result`](Self::result), or
    /// `None` when every node has answered, failed, or run out of time. A thrifty call contacts
    /// another node when it is asked for more than those that were contacted have answered.
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
    /// let mut write = register.write(State::new(1, "hello"));
    /// write.result().await?; // a majority has it
    /// while let Some(reply) = write.next().await {
    ///     reply.result?;
    /// } // and now all have it
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Reply<R>>
    where
        R: Message + Default,
    {
        let outcome = poll_fn(|task| self.gather.poll_next(task)).await?;
        Some(self.decoder.decode(outcome, &mut self.gather))
    }

    /// Stops waiting, and asks the nodes that have not answered yet to stop. Nodes to which the
    /// request was not sent yet are sent nothing, and those where it waits for its turn do not begin
    /// it; a handler that has begun sees it by [`Call::cancelled`](crate::Call::cancelled). Merely
    /// dropping a call takes nothing back.
    ///
    /// Nodes that do not know of this, as those of Gorums do not, finish the request.
    pub fn cancel(self) {
        self.gather.cancel();
    }

    pub(super) fn with_function<U>(
        self,
        function: impl Fn(&Q, &Replies<R>) -> Verdict<U> + Send + 'static,
    ) -> QuorumCall<Q, R, U> {
        let Self { request, replies, gather, decoder, targets, function: _ } = self;
        QuorumCall { request, replies, gather, decoder, targets, function: Box::new(function) }
    }

    fn poll_result(&mut self, task: &mut Task<'_>) -> Poll<Result<T, QuorumError>>
    where
        R: Message + Default,
    {
        let _entered = self.gather.enter();
        let result = ready!(self.poll_decision(task));
        self.gather.end(&result);
        Poll::Ready(result)
    }

    fn poll_decision(&mut self, task: &mut Task<'_>) -> Poll<Result<T, QuorumError>>
    where
        R: Message + Default,
    {
        if self.holds_no_quorum() {
            return Poll::Ready(Err(self.error(QuorumErrorKind::TargetsHoldNoQuorum)));
        }
        while let Some(outcome) = ready!(self.gather.poll_next(task)) {
            if let Some(verdict) = self.record(outcome) {
                return Poll::Ready(verdict);
            }
        }
        Poll::Ready(Err(self.error(self.out_of_reach())))
    }

    /// Whether the quorum function asks for a quorum that the targets can't make.
    pub(super) fn holds_no_quorum(&self) -> bool {
        self.replies.is_restricted()
            && self.replies.is_untouched()
            && self.replies.evaluate(|replies| (self.function)(&self.request, replies)).is_none()
    }

    /// Takes an outcome into account; `None` is "not yet".
    pub(super) fn record(&mut self, outcome: Outcome) -> Option<Result<T, QuorumError>>
    where
        R: Message + Default,
    {
        let node = outcome.node;
        let result = self.decoder.decode_result(outcome, &mut self.gather);
        self.replies.record(node, result);
        // Once the deadline has passed, every silent node is named before the call ends.
        if self.gather.expired().is_some() && !self.gather.is_complete() {
            return None;
        }
        match self.replies.evaluate(|replies| (self.function)(&self.request, replies)) {
            Some(Verdict::Pending) => None,
            Some(Verdict::Done(value)) => Some(Ok(value)),
            Some(Verdict::Failed(reason)) => Some(Err(self.error(QuorumErrorKind::Failed(reason)))),
            None => Some(Err(self.error(self.out_of_reach()))),
        }
    }

    pub(super) fn out_of_reach(&self) -> QuorumErrorKind {
        self.gather.expired().map_or(QuorumErrorKind::NoQuorum, QuorumErrorKind::Deadline)
    }

    pub(super) fn error(&self, kind: QuorumErrorKind) -> QuorumError {
        let failure = |(node, error): (_, &NodeError)| self.gather.failure(node, error.clone());
        let mut failures: Vec<_> = self.replies.failures().map(failure).collect();
        failures.sort_by_key(|failure| failure.node);
        QuorumError {
            method: self.gather.method().name,
            kind,
            replied: self.replies.len(),
            targets: self.targets,
            members: self.replies.members().len(),
            failures,
        }
    }
}

/// What came of a call at one node.
///
/// ```
/// use futures::StreamExt as _;
/// use quorum_runtime::{Majority, Manager, Reply};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(2).await).node(3, nobody()).build()?;
/// let mut replies = manager.register(Majority)?.read(()).replies();
/// while let Some(Reply { node, result, .. }) = replies.next().await {
///     match result {
///         Ok(state) => assert_eq!(state.version, 0, "nobody has written to node {node}"),
///         Err(error) => assert_eq!(node.get(), 3, "{error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Reply<R> {
    /// The node.
    pub node: NodeId,
    /// Its reply, or why there is none.
    pub result: Result<R, NodeError>,
    /// What the node sent along with the reply. That of a status is in the status.
    pub metadata: MetadataMap,
}

impl<Q, R: Message + Default, T> IntoFuture for QuorumCall<Q, R, T> {
    type Output = Result<T, QuorumError>;
    type IntoFuture = QuorumFuture<Q, R, T>;

    fn into_future(self) -> Self::IntoFuture {
        QuorumFuture(self)
    }
}

/// The wait for the result of a [`QuorumCall`], which a terminal of the call gives.
///
/// It has a name for those who keep several, in a vector or in a value of their own. Dropping it is
/// as safe as dropping the call.
///
/// ```
/// use futures::future::try_join_all;
/// use quorum_runtime::{Majority, Manager, QuorumFuture};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let register = Manager::builder().nodes(servers(3).await).build()?.register(Majority)?;
/// let write = |version| register.write(State::new(version, "hello")).into_future();
/// let writes: Vec<QuorumFuture<State, ()>> = (1..=100).map(write).collect(); // all are sent
/// try_join_all(writes).await?;
/// assert_eq!(register.read(()).await?.version, 100);
/// # Ok(())
/// # }
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct QuorumFuture<Q, R, T = R>(pub(super) QuorumCall<Q, R, T>);

// Nothing in a call is pinned: requests and replies are only ever borrowed.
impl<Q, R, T> Unpin for QuorumFuture<Q, R, T> {}

impl<Q, R: Message + Default, T> Future for QuorumFuture<Q, R, T> {
    type Output = Result<T, QuorumError>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        self.get_mut().0.poll_result(task)
    }
}

impl<Q: fmt::Debug, R: fmt::Debug, T> fmt::Debug for QuorumCall<Q, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuorumCall")
            .field("method", &self.gather.method().name)
            .field("request", &self.request)
            .field("replies", &self.replies)
            .finish_non_exhaustive()
    }
}

impl<Q: fmt::Debug, R: fmt::Debug, T> fmt::Debug for QuorumFuture<Q, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("QuorumFuture").field(&self.0).finish()
    }
}
