use super::{Majority, NodeSet, QuorumSystem, Within};

/// A quorum of the old membership and a quorum of the new one, while one replaces the other (joint
/// consensus: Ongaro and Ousterhout, 2014).
///
/// A joint quorum holds a majority of each membership, so no majority of either can decide beside
/// it. A member of both counts in both. The configuration's members are the union meanwhile,
/// [`Joint::members`].
///
/// ```
/// use quorum_runtime::{Joint, NodeSet, QuorumSystem};
///
/// let joint = Joint::new(NodeSet::from([1, 2, 3]), NodeSet::from([3, 4, 5]));
/// let members = joint.members();
/// assert_eq!(members, NodeSet::from([1, 2, 3, 4, 5]));
/// assert!(!joint.is_quorum(&members, &NodeSet::from([1, 2, 3])), "1 of the new 3");
/// assert!(joint.is_quorum(&members, &NodeSet::from([2, 3, 4])), "2 of each 3");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joint<Old = Majority, New = Old> {
    old: Within<Old>,
    new: Within<New>,
}

impl Joint {
    /// A majority of each membership.
    #[must_use]
    pub const fn new(old: NodeSet, new: NodeSet) -> Self {
        Self::of(Within::new(Majority, old), Within::new(Majority, new))
    }
}

impl<Old, New> Joint<Old, New> {
    /// A quorum of each of two systems over their own members.
    ///
    /// ```
    /// use quorum_runtime::{Joint, Majority, NodeSet, QuorumSystem, Weighted, Within};
    ///
    /// let old = Within::new(Majority, NodeSet::from([1, 2, 3]));
    /// let new = Within::new(Weighted::new([(3, 1), (4, 2)]), NodeSet::from([3, 4]));
    /// let joint = Joint::of(old, new);
    /// assert!(joint.is_quorum(&joint.members(), &NodeSet::from([1, 2, 4])));
    /// ```
    #[must_use]
    pub const fn of(old: Within<Old>, new: Within<New>) -> Self {
        Self { old, new }
    }

    /// The members of both: those that a configuration needs to be called while the change lasts.
    #[must_use]
    pub fn members(&self) -> NodeSet {
        self.old.members() | self.new.members()
    }
}

impl<Old: QuorumSystem, New: QuorumSystem> QuorumSystem for Joint<Old, New> {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        (&self.old).and(&self.new).is_quorum(members, repliers)
    }

    fn intersects(&self, members: &NodeSet) -> bool {
        (&self.old).and(&self.new).intersects(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::properties::{holds, holds_over, subsets};
    use crate::quorum::{Any, Grid};

    /// Every pair of memberships out of four nodes.
    fn pairs() -> impl Iterator<Item = (NodeSet, NodeSet)> {
        let all = subsets(&(1..=4).collect());
        all.clone()
            .into_iter()
            .flat_map(move |old| all.clone().into_iter().map(move |new| (old.clone(), new)))
    }

    #[test]
    fn a_joint_quorum_has_a_majority_of_each_membership() {
        for (old, new) in pairs() {
            let joint = Joint::new(old.clone(), new.clone());
            let members = joint.members();
            for set in subsets(&members) {
                let expected = 2 * set.common(&old) > old.len() && 2 * set.common(&new) > new.len();
                assert_eq!(
                    joint.is_quorum(&members, &set),
                    expected,
                    "{set:?} of {old:?}, {new:?}"
                );
            }
        }
    }

    #[test]
    fn it_is_a_quorum_system_over_the_union_and_over_any_other_members() {
        for (old, new) in pairs() {
            let joint = Joint::new(old, new);
            holds_over(&joint, &joint.members());
            holds_over(&joint, &NodeSet::from([2, 3, 5]));
        }
        let old = Within::new(Grid { columns: 2 }, (1..=4).collect());
        holds(&Joint::of(old, Within::new(Any, NodeSet::from([4, 5]))));
    }

    #[test]
    fn no_quorum_of_either_membership_alone_can_decide_beside_a_joint_one() {
        for (old, new) in pairs() {
            let joint = Joint::new(old.clone(), new.clone());
            let members = joint.members();
            let is_joint = |set: &&NodeSet| joint.is_quorum(&members, set);
            let sets = subsets(&members);
            for (quorum, other) in sets
                .iter()
                .filter(is_joint)
                .flat_map(|quorum| sets.iter().map(move |other| (quorum, other)))
            {
                for membership in [&old, &new] {
                    let decides = Majority.is_quorum(membership, other);
                    assert!(!decides || !quorum.is_disjoint(other), "{quorum:?} and {other:?}");
                }
            }
        }
    }

    #[test]
    fn an_empty_membership_has_no_quorum() {
        let joint = Joint::new(NodeSet::from([1]), NodeSet::new());
        assert!(!joint.is_quorum(&joint.members(), &NodeSet::from([1])));
    }
}
