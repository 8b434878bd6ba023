use super::{NodeSet, QuorumSystem, Threshold};

/// More than half of the members: `⌊n/2⌋ + 1` of n.
///
/// Any two majorities of one membership share a member, which is what replicated storage and
/// consensus stand on when nodes fail by stopping (Gifford, 1979; Thomas, 1979). Out of
/// n = 2f + 1 members, f may be down.
///
/// ```
/// use quorum_runtime::{Majority, NodeSet, QuorumSystem};
///
/// let members = NodeSet::from([1, 2, 3, 4]);
/// assert!(!Majority.is_quorum(&members, &NodeSet::from([1, 2])));
/// assert!(Majority.is_quorum(&members, &NodeSet::from([1, 2, 4])));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Majority;

impl Majority {
    /// The number of members that make a majority of `members`.
    ///
    /// ```
    /// use quorum_runtime::Majority;
    ///
    /// assert_eq!([1, 2, 3, 4, 5].map(Majority::size), [1, 2, 2, 3, 3]);
    /// ```
    #[must_use]
    pub const fn size(members: usize) -> usize {
        members / 2 + 1
    }
}

impl QuorumSystem for Majority {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        Threshold(Self::size(members.len())).is_quorum(members, repliers)
    }

    fn can_still(&self, members: &NodeSet, failed: &NodeSet) -> bool {
        Threshold(Self::size(members.len())).can_still(members, failed)
    }

    fn intersects(&self, _: &NodeSet) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::properties::{holds, subsets};

    #[test]
    fn more_than_half_of_the_members_are_a_majority() {
        holds(&Majority);
        for n in 0..=5 {
            let members = (1..=n).collect();
            for set in subsets(&members) {
                assert_eq!(Majority.is_quorum(&members, &set), 2 * set.len() > n as usize);
            }
        }
    }

    #[test]
    fn strangers_do_not_count() {
        let members = NodeSet::from([1, 2, 3]);
        assert!(!Majority.is_quorum(&members, &NodeSet::from([1, 8, 9])));
    }
}
