use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use prost::Message;

use super::Gather;
use super::inbox::Arrival;
use crate::error::{NodeError, QuorumError, QuorumErrorKind};
use crate::quorum::{Majority, NodeSet, Replies, Verdict};

/// Turns a request and the replies so far into a verdict.
type QuorumFunction<Q, R, T> = Box<dyn Fn(&Q, &Replies<R>) -> Verdict<T> + Send>;

/// A quorum call that has been sent.
///
/// The request is on the queue of every target. Awaiting the call waits until the quorum function
/// of its method decides; [`majority`](Self::majority) and [`decide`](Self::decide) put another
/// one in its place, for this call only. The function is asked again each time a node has replied
/// or failed.
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
    request: Q,
    replies: Replies<R>,
    function: QuorumFunction<Q, R, T>,
    gather: Gather,
}

impl<Q, R, T> QuorumCall<Q, R, T> {
    pub(crate) fn new(
        request: Q,
        members: Arc<NodeSet>,
        gather: Gather,
        function: impl Fn(&Q, &Replies<R>) -> Verdict<T> + Send + 'static,
    ) -> Self {
        Self { request, replies: Replies::of(members), function: Box::new(function), gather }
    }

    /// Waits for a majority of the members; the reply that came first is the result.
    pub fn majority(self) -> QuorumFuture<Q, R, R>
    where
        R: Message + Default + Clone,
    {
        self.decide(|_, replies| replies.first_of(&Majority))
    }

    /// Waits until this function decides.
    pub fn decide<U>(
        self,
        function: impl Fn(&Q, &Replies<R>) -> Verdict<U> + Send + 'static,
    ) -> QuorumFuture<Q, R, U>
    where
        R: Message + Default,
    {
        let Self { request, replies, gather, function: _ } = self;
        QuorumFuture(QuorumCall { request, replies, gather, function: Box::new(function) })
    }

    fn record(&mut self, Arrival { node, outcome }: Arrival)
    where
        R: Message + Default,
    {
        let reply = outcome.and_then(|bytes| R::decode(bytes).map_err(NodeError::Undecodable));
        self.replies.record(node, reply);
    }

    /// What the quorum function says now; `None` is "not yet".
    fn verdict(&self) -> Option<Result<T, QuorumError>> {
        match self.replies.evaluate(|replies| (self.function)(&self.request, replies)) {
            Some(Verdict::Pending) => None,
            Some(Verdict::Done(value)) => Some(Ok(value)),
            Some(Verdict::Failed(reason)) => Some(Err(self.error(QuorumErrorKind::Failed(reason)))),
            None => Some(Err(self.error(self.out_of_reach()))),
        }
    }

    fn out_of_reach(&self) -> QuorumErrorKind {
        self.gather.expired().map_or(QuorumErrorKind::NoQuorum, QuorumErrorKind::Deadline)
    }

    fn error(&self, kind: QuorumErrorKind) -> QuorumError {
        let failure = |(node, error): (_, &NodeError)| self.gather.failure(node, error.clone());
        let mut failures: Vec<_> = self.replies.failures().map(failure).collect();
        failures.sort_by_key(|failure| failure.node);
        QuorumError {
            method: self.gather.method().name,
            kind,
            replied: self.replies.len(),
            members: self.replies.members().len(),
            failures,
        }
    }
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
        let call = &mut self.get_mut().0;
        while let Some(arrival) = ready!(call.gather.poll_next(task)) {
            call.record(arrival);
            // Once the deadline has passed, every silent node is named before the call ends.
            if call.gather.expired().is_some() && !call.gather.is_complete() {
                continue;
            }
            if let Some(result) = call.verdict() {
                return Poll::Ready(result);
            }
        }
        Poll::Ready(Err(call.error(call.out_of_reach())))
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
