use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use prost::Message;

use super::gather::Outcome;
use super::{Correctable, Gather, ReplyStream};
use crate::error::{NodeError, QuorumError, QuorumErrorKind};
use crate::link::Answer;
use crate::quorum::{
    All, Any, Level, Majority, NodeId, NodeSet, QuorumSystem, Replies, Threshold, Verdict,
};

/// Turns a request and the replies so far into a verdict.
pub(super) type QuorumFunction<Q, R, T> = Box<dyn Fn(&Q, &Replies<R>) -> Verdict<T> + Send>;

/// A quorum call that has been sent.
///
/// The request is on the queue of every target. Awaiting the call waits until the quorum function
/// of its method decides. The terminals below put something else in its place, for this call only:
/// a built-in rule ([`first`](Self::first), [`majority`](Self::majority), [`threshold`](Self::threshold),
/// [`all`](Self::all), [`quorum`](Self::quorum)), a closure
/// ([`decide`](Self::decide)), or all replies as they come ([`replies`](Self::replies)). The
/// function is asked again each time a node has replied or failed.
///
/// `Q` is the request, `R` the reply of one node, `T` what the quorum function makes of the replies.
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
/// Dropping the call stops waiting. It neither takes back what was sent nor changes its order.
#[must_use = "a quorum call that is not awaited is sent, but its result is lost"]
pub struct QuorumCall<Q, R, T = R> {
    pub(super) request: Q,
    pub(super) replies: Replies<R>,
    pub(super) function: QuorumFunction<Q, R, T>,
    pub(super) gather: Gather,
}

impl<Q, R, T> QuorumCall<Q, R, T> {
    pub(crate) fn new(
        request: Q,
        members: Arc<NodeSet>,
        gather: Gather,
        function: impl Fn(&Q, &Replies<R>) -> Verdict<T> + Send + 'static,
    ) -> Self {
        let mut replies = Replies::of(members, gather.outstanding());
        if gather.method().delivery.answer == Answer::Stream {
            replies = replies.streaming();
        }
        Self { request, replies, function: Box::new(function), gather }
    }

    /// Waits until this function decides.
    pub fn decide<U>(
        self,
        function: impl Fn(&Q, &Replies<R>) -> Verdict<U> + Send + 'static,
    ) -> QuorumFuture<Q, R, U>
    where
        R: Message + Default,
    {
        QuorumFuture(self.with_function(function))
    }

    /// Waits until the nodes that have replied are a quorum of this system; the reply that came
    /// first is the result.
    pub fn quorum(self, system: impl QuorumSystem + Send + 'static) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.decide(move |_, replies| replies.first_of(&system))
    }

    /// Waits for a majority of the members; the reply that came first is the result.
    pub fn majority(self) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.quorum(Majority)
    }

    /// Waits for the first reply of any member.
    pub fn first(self) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.quorum(Any)
    }

    /// Waits for the replies of this many members; the one that came first is the result.
    pub fn threshold(self, count: usize) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.quorum(Threshold(count))
    }

    /// Waits for the replies of all members; the one that came first is the result.
    pub fn all(self) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.quorum(All)
    }

    /// All replies and failures as they come, each tied to its node, and no decision.
    pub fn replies(self) -> ReplyStream<R> {
        ReplyStream::new(self.gather)
    }

    /// Levels of one result that improves: level k is the k-th reply, as it comes. The last one is
    /// final.
    pub fn correctable(self) -> Correctable<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        let targets = self.gather.outstanding().len();
        self.levels(move |_, replies| {
            let number = replies.len();
            let level = replies.values().last().map(|reply| {
                let level = Level::new(u32::try_from(number).unwrap_or(u32::MAX), reply.clone());
                if number == targets { level.last() } else { level }
            });
            level.into()
        })
    }

    /// Levels of one result that improves, as this function makes them of the replies.
    pub fn levels<U>(
        self,
        function: impl Fn(&Q, &Replies<R>) -> Verdict<Level<U>> + Send + 'static,
    ) -> Correctable<Q, R, U>
    where
        R: Message + Default,
    {
        Correctable::new(self.with_function(function))
    }

    /// Waits until the quorum function decides, and keeps the call for the replies that are still to
    /// come: [`next`](Self::next) yields those.
    ///
    /// # Errors
    ///
    /// As for the call itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing: replies that came stay with the call.
    pub async fn result(&mut self) -> Result<T, QuorumError>
    where
        R: Message + Default,
    {
        poll_fn(|task| self.poll_result(task)).await
    }

    /// The next reply or failure that was not taken into account by [`result`](Self::result), or
    /// `None` when every node has answered, failed, or run out of time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Option<Reply<R>>
    where
        R: Message + Default,
    {
        let outcome = poll_fn(|task| self.gather.poll_next(task)).await?;
        Some(Reply { node: outcome.node, result: outcome.decode() })
    }

    fn with_function<U>(
        self,
        function: impl Fn(&Q, &Replies<R>) -> Verdict<U> + Send + 'static,
    ) -> QuorumCall<Q, R, U> {
        let Self { request, replies, gather, function: _ } = self;
        QuorumCall { request, replies, gather, function: Box::new(function) }
    }

    fn poll_result(&mut self, task: &mut Task<'_>) -> Poll<Result<T, QuorumError>>
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

    /// Whether the quorum function asks for a quorum that the contacted nodes can't make.
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
        self.replies.record(node, outcome.decode());
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
            contacted: self.gather.targets().len(),
            members: self.replies.members().len(),
            failures,
        }
    }
}

/// What came of a call at one node.
#[derive(Clone, Debug)]
pub struct Reply<R> {
    /// The node.
    pub node: NodeId,
    /// Its reply, or why there is none.
    pub result: Result<R, NodeError>,
}

impl<Q, R: Message + Default, T> IntoFuture for QuorumCall<Q, R, T> {
    type Output = Result<T, QuorumError>;
    type IntoFuture = QuorumFuture<Q, R, T>;

    fn into_future(self) -> Self::IntoFuture {
        QuorumFuture(self)
    }
}

/// The wait for the result of a [`QuorumCall`].
#[must_use = "futures do nothing unless awaited"]
pub struct QuorumFuture<Q, R, T = R>(QuorumCall<Q, R, T>);

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
