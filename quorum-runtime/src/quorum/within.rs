use super::{NodeSet, QuorumSystem};

/// A system that is counted over members of its own, not over those of the configuration.
///
/// For a part of a configuration whose quorums are wanted: the voters beside the learners, one of
/// two data centers, the old or the new membership of a [`Joint`](super::Joint) one. A member of
/// its own that is no member of the configuration never counts as having replied.
///
/// ```
/// use quorum_runtime::{Majority, NodeSet, QuorumSystem, Within};
///
/// let voters = Within::new(Majority, NodeSet::from([1, 2, 3]));
/// let all = NodeSet::from([1, 2, 3, 4, 5]);
/// assert!(!voters.is_quorum(&all, &NodeSet::from([1, 4, 5])));
/// assert!(voters.is_quorum(&all, &NodeSet::from([1, 2])));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within<S> {
    system: S,
    members: NodeSet,
}

impl<S> Within<S> {
    /// This system, counted over these members.
    #[must_use]
    pub const fn new(system: S, members: NodeSet) -> Self {
        Self { system, members }
    }

    /// The members over which it is counted.
    ///
    /// ```
    /// use quorum_runtime::{All, NodeSet, Within};
    ///
    /// let members = NodeSet::from([1, 2]);
    /// assert_eq!(Within::new(All, members.clone()).members(), &members);
    /// ```
    #[must_use]
    pub const fn members(&self) -> &NodeSet {
        &self.members
    }
}

impl<S: QuorumSystem> QuorumSystem for Within<S> {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        self.system.is_quorum(&self.members, &(members & repliers))
    }

    fn intersects(&self, _: &NodeSet) -> bool {
        self.system.intersects(&self.members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::properties::{holds, subsets};
    use crate::quorum::{Any, Majority, Threshold};

    #[test]
    fn quorums_are_counted_over_the_own_members() {
        let own = NodeSet::from([2, 3, 4]);
        for n in 4..=5 {
            let members = (1..=n).collect();
            for set in subsets(&members) {
                let within = Within::new(Majority, own.clone());
                assert_eq!(within.is_quorum(&members, &set), set.common(&own) >= 2);
            }
        }
    }

    #[test]
    fn it_is_a_quorum_system_wherever_its_members_are() {
        for own in subsets(&NodeSet::from([1, 2, 3, 6])) {
            holds(&Within::new(Majority, own.clone()));
            holds(&Within::new(Any, own.clone()));
            holds(&Within::new(Threshold(0), own));
        }
    }

    #[test]
    fn an_own_member_outside_the_configuration_can_never_reply() {
        let within = Within::new(Threshold(2), NodeSet::from([1, 2, 9]));
        let members = NodeSet::from([1, 2, 3]);
        assert!(!within.is_quorum(&members, &NodeSet::from([1, 9])));
        assert!(!within.can_still(&members, &NodeSet::from([2])));
    }
}
