use std::cell::Cell;
use std::sync::Arc;

use super::{NodeId, NodeSet, QuorumSystem, Verdict};
use crate::error::NodeError;

/// What the nodes have answered to one call so far, each reply tied to its node.
///
/// A quorum function reads it and decides. It can be built by hand, so quorum functions are tested
/// without a network:
///
/// ```
/// use quorum_runtime::{Majority, NodeSet, Replies};
///
/// let replies = Replies::new([1, 2, 3]).with_reply(3, "new").with_reply(1, "old");
/// assert!(replies.is_quorum(&Majority));
/// assert_eq!(replies.values().collect::<Vec<_>>(), [&"new", &"old"]);
/// assert_eq!(replies.get(1), Some(&"old"));
/// assert_eq!(replies.repliers(), &NodeSet::from([1, 3]));
/// assert_eq!((replies.len(), replies.members().len()), (2, 3));
/// ```
#[derive(Debug)]
pub struct Replies<R> {
    members: Arc<NodeSet>,
    /// In the order of arrival.
    replies: Vec<(NodeId, R)>,
    failures: Vec<(NodeId, NodeError)>,
    repliers: NodeSet,
    /// The members that will never reply: they failed, or were not contacted.
    lost: NodeSet,
    /// Of a node that replies several times the last reply counts, else the first.
    streams: bool,
    hope: Cell<Hope>,
}

/// Whether a quorum that was asked for in this evaluation can still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hope {
    NotAsked,
    Left,
    Gone,
}

impl<R> Replies<R> {
    /// No replies yet, from these members.
    #[must_use]
    pub fn new<N: Into<NodeId>>(members: impl IntoIterator<Item = N>) -> Self {
        let members = Arc::new(members.into_iter().collect());
        Self::of(Arc::clone(&members), &members)
    }

    /// These replies and this one. Of a node's replies the first counts; a stranger's counts not.
    #[must_use]
    pub fn with_reply(mut self, node: impl Into<NodeId>, reply: R) -> Self {
        self.record(node.into(), Ok(reply));
        self
    }

    /// These replies, and one node that failed. What a node said before it failed still stands.
    ///
    /// ```
    /// use quorum_runtime::{All, NodeError, Replies, Verdict};
    ///
    /// /// Whether every member says yes, and a failure as soon as one can't say anything.
    /// fn agreed(replies: &Replies<bool>) -> Verdict<bool> {
    ///     if let Some((node, _)) = replies.failures().next() {
    ///         return Verdict::failed(format!("node {node} has no say"));
    ///     }
    ///     replies.is_quorum(&All).then(|| replies.values().all(|&yes| yes)).into()
    /// }
    ///
    /// let replies = Replies::new([1, 2]).with_reply(1, true);
    /// assert_eq!(agreed(&replies), Verdict::Pending);
    /// assert!(matches!(agreed(&replies.with_failure(2, NodeError::Closed)), Verdict::Failed(_)));
    /// ```
    #[must_use]
    pub fn with_failure(mut self, node: impl Into<NodeId>, error: NodeError) -> Self {
        self.record(node.into(), Err(error));
        self
    }

    /// Whether the nodes that have replied are a quorum of the members.
    ///
    /// When the answer is no and can never become yes, because too many members failed, a call
    /// whose quorum function then returns [`Verdict::Pending`] ends with an error at once instead
    /// of waiting for its deadline. A function that asks for several systems in turn ends the call
    /// only when none of them can be satisfied any more.
    ///
    /// ```
    /// use quorum_runtime::{All, Replies, Threshold, Verdict};
    ///
    /// /// Three that say the same decide at once, else the largest of all four.
    /// fn decide(replies: &Replies<u32>) -> Verdict<u32> {
    ///     let (smallest, largest) = (replies.values().min(), replies.values().max());
    ///     let is_fast = replies.is_quorum(&Threshold(3)) && smallest == largest;
    ///     (is_fast || replies.is_quorum(&All)).then_some(largest).flatten().copied().into()
    /// }
    ///
    /// let replies = Replies::new([1, 2, 3, 4]).with_reply(1, 7).with_reply(2, 7);
    /// assert_eq!(decide(&replies), Verdict::Pending);
    /// assert_eq!(decide(&replies.with_reply(3, 7)), Verdict::Done(7));
    /// ```
    pub fn is_quorum(&self, system: &impl QuorumSystem) -> bool {
        let reached = system.is_quorum(&self.members, &self.repliers);
        if reached || system.can_still(&self.members, &self.lost) {
            self.hope.set(Hope::Left);
        } else if self.hope.get() == Hope::NotAsked {
            self.hope.set(Hope::Gone);
        }
        reached
    }

    /// The reply that came first, once the nodes that have replied are a quorum.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Replies, Verdict};
    ///
    /// let replies = Replies::new([1, 2, 3]).with_reply(2, "ok");
    /// assert_eq!(replies.first_of(&Majority), Verdict::Pending);
    /// let replies = replies.with_reply(1, "fine");
    /// assert_eq!(replies.first_of(&Majority), Verdict::Done("ok"));
    /// ```
    pub fn first_of(&self, system: &impl QuorumSystem) -> Verdict<R>
    where
        R: Clone,
    {
        if !self.is_quorum(system) {
            return Verdict::Pending;
        }
        self.values().next().cloned().into()
    }

    /// The replies in the order in which they came.
    pub fn values(&self) -> impl Iterator<Item = &R> {
        self.replies.iter().map(|(_, reply)| reply)
    }

    /// The replies with their nodes, in the order in which they came.
    ///
    /// ```
    /// use quorum_runtime::Replies;
    ///
    /// let replies = Replies::new([1, 2, 3]).with_reply(2, 5).with_reply(1, 4);
    /// let behind = replies.iter().filter(|(_, version)| **version < 5);
    /// assert!(behind.map(|(node, _)| node.get()).eq([1]));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &R)> {
        self.replies.iter().map(|(node, reply)| (*node, reply))
    }

    /// The reply of one node, if it has come.
    pub fn get(&self, node: impl Into<NodeId>) -> Option<&R> {
        let node = node.into();
        self.iter().find(|(replier, _)| *replier == node).map(|(_, reply)| reply)
    }

    /// The nodes that failed, with their causes, in the order in which they failed.
    pub fn failures(&self) -> impl Iterator<Item = (NodeId, &NodeError)> {
        self.failures.iter().map(|(node, error)| (*node, error))
    }

    /// The nodes over which quorums are counted.
    #[must_use]
    pub fn members(&self) -> &NodeSet {
        &self.members
    }

    /// The nodes that have replied.
    #[must_use]
    pub const fn repliers(&self) -> &NodeSet {
        &self.repliers
    }

    /// How many nodes have replied.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.replies.len()
    }

    /// Whether no node has replied yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// No replies yet, from these members, of which some were contacted.
    pub(crate) fn of(members: Arc<NodeSet>, contacted: &NodeSet) -> Self {
        let all_contacted = *members == *contacted;
        let lost = if all_contacted { NodeSet::new() } else { members.difference(contacted) };
        Self {
            replies: Vec::with_capacity(contacted.len()),
            lost,
            members,
            failures: Vec::new(),
            repliers: NodeSet::new(),
            streams: false,
            hope: Cell::new(Hope::NotAsked),
        }
    }

    /// The same for a call whose nodes may reply several times.
    pub(crate) fn streaming(mut self) -> Self {
        self.streams = true;
        self
    }

    /// Notes what came of a node. It counts once, and only a member counts at all.
    pub(crate) fn record(&mut self, node: NodeId, outcome: Result<R, NodeError>) {
        if !self.members.contains(node) || self.lost.contains(node) {
            return;
        }
        match outcome {
            Ok(reply) if self.repliers.insert(node) => self.replies.push((node, reply)),
            Ok(reply) if self.streams => {
                self.replies.retain(|(replier, _)| *replier != node);
                self.replies.push((node, reply));
            }
            Err(error) if !self.repliers.contains(node) => {
                self.lost.insert(node);
                self.failures.push((node, error));
            }
            // What a node said before it failed still stands.
            Err(error) if self.streams => self.failures.push((node, error)),
            Ok(_) | Err(_) => {}
        }
    }

    /// Whether some members were not contacted.
    pub(crate) fn is_restricted(&self) -> bool {
        self.lost.len() > self.failures.len()
    }

    /// Whether nothing was recorded yet.
    pub(crate) const fn is_untouched(&self) -> bool {
        self.replies.is_empty() && self.failures.is_empty()
    }

    /// Evaluates a quorum function. `None` means that it is pending and will stay so: every
    /// quorum that it asked for is out of reach.
    pub(crate) fn evaluate<T>(
        &self,
        function: impl FnOnce(&Self) -> Verdict<T>,
    ) -> Option<Verdict<T>> {
        self.hope.set(Hope::NotAsked);
        match function(self) {
            Verdict::Pending if self.hope.get() == Hope::Gone => None,
            verdict => Some(verdict),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::{All, Majority};

    #[test]
    fn a_node_counts_once_and_a_stranger_never() {
        let replies =
            Replies::new([1, 2, 3]).with_reply(1, 'a').with_reply(1, 'b').with_reply(9, 'c');
        assert_eq!(replies.len(), 1);
        assert_eq!(replies.get(1), Some(&'a'));
        assert_eq!(replies.get(9), None);
        let replies = replies.with_failure(1, NodeError::Closed);
        assert_eq!(replies.failures().count(), 0, "a node that replied can't fail any more");
    }

    #[test]
    fn hope_is_gone_only_when_every_system_that_was_asked_is_out_of_reach() {
        let replies = Replies::new([1, 2, 3]).with_failure(1, NodeError::Closed).with_reply(2, ());
        assert_eq!(replies.evaluate(|r| r.first_of(&All)), None);
        let either = |r: &Replies<()>| {
            if r.is_quorum(&All) || r.is_quorum(&Majority) {
                Verdict::Done(())
            } else {
                Verdict::Pending
            }
        };
        assert_eq!(replies.evaluate(either), Some(Verdict::Pending));
        let unasked = |_: &Replies<()>| Verdict::<()>::Pending;
        assert_eq!(replies.evaluate(unasked), Some(Verdict::Pending));
    }
}
