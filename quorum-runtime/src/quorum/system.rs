use super::NodeSet;

/// Says which sets of repliers are quorums of a membership.
///
/// A system must be *monotone*: adding a replier to a quorum gives a quorum again. Members are
/// the nodes over which quorums are counted, whether a call contacted all of them or not;
/// repliers that are no members do not count.
///
/// ```
/// use quorum_runtime::{NodeSet, QuorumSystem};
///
/// /// Every member must have replied, but for one.
/// struct AllButOne;
///
/// impl QuorumSystem for AllButOne {
///     fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
///         members.common(repliers) + 1 >= members.len()
///     }
/// }
///
/// let members = NodeSet::from([1, 2, 3]);
/// assert!(AllButOne.is_quorum(&members, &NodeSet::from([1, 3])));
/// assert!(!AllButOne.can_still(&members, &NodeSet::from([2, 3])));
/// ```
pub trait QuorumSystem {
    /// Whether these repliers suffice.
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool;

    /// Whether a quorum can still come when these members will never reply.
    fn can_still(&self, members: &NodeSet, failed: &NodeSet) -> bool {
        self.is_quorum(members, &members.difference(failed))
    }
}
