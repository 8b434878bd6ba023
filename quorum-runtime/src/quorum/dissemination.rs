use super::{NodeSet, QuorumSystem, Threshold};

/// So many members that any two quorums share a correct one, although up to `faults` of them lie:
/// `⌊(n + faults) / 2⌋ + 1` of n. For data that a liar can withhold but not forge.
///
/// It needs `n ≥ 3 · faults + 1`. Then any two quorums share at least `faults + 1` members, and a
/// quorum comes although `faults` members never reply. With fewer members it counts the same, but
/// no quorum may come without a liar, and it claims nothing.
///
/// **One correct member in common is enough only where replies prove themselves**, by signatures
/// for example. For data that proves nothing take [`Masking`](super::Masking). Both are of Malkhi
/// and Reiter (Byzantine quorum systems, 1998).
///
/// ```
/// use quorum_runtime::{Dissemination, NodeSet, QuorumSystem};
///
/// let members = NodeSet::from([1, 2, 3, 4]);
/// let system = Dissemination { faults: 1 };
/// assert!(!system.is_quorum(&members, &NodeSet::from([1, 2])));
/// assert!(system.is_quorum(&members, &NodeSet::from([1, 2, 4])));
/// assert!(system.intersects(&members));
/// assert!(!system.intersects(&NodeSet::from([1, 2, 3])), "3 members can't bear a fault");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dissemination {
    /// How many members may behave in any way at all.
    pub faults: usize,
}

impl Dissemination {
    /// The number of members that make a quorum of `members`.
    ///
    /// ```
    /// use quorum_runtime::Dissemination;
    ///
    /// let size = |members| Dissemination { faults: 1 }.size(members);
    /// assert_eq!([4, 5, 6, 7].map(size), [3, 4, 4, 5]);
    /// ```
    #[must_use]
    pub const fn size(self, members: usize) -> usize {
        members.saturating_add(self.faults) / 2 + 1
    }
}

impl QuorumSystem for Dissemination {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        Threshold(self.size(members.len())).is_quorum(members, repliers)
    }

    fn can_still(&self, members: &NodeSet, failed: &NodeSet) -> bool {
        Threshold(self.size(members.len())).can_still(members, failed)
    }

    /// Whether there are enough members for the claim; it is then that any two quorums share
    /// `faults + 1` of them.
    fn intersects(&self, members: &NodeSet) -> bool {
        members.len() > self.faults.saturating_mul(3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::Majority;
    use crate::quorum::properties::{holds, holds_over, quorums, subsets};

    #[test]
    fn dissemination_systems_are_quorum_systems() {
        for faults in 0..=2 {
            holds(&Dissemination { faults });
        }
        holds_over(&Dissemination { faults: 2 }, &(1..=7).collect());
        holds(&Dissemination { faults: usize::MAX });
    }

    #[test]
    fn any_two_quorums_share_more_members_than_lie() {
        for (faults, n) in enough_members() {
            let members = (1..=n).collect();
            let quorums = quorums(&Dissemination { faults }, &members);
            for (one, other) in quorums.iter().flat_map(|a| quorums.iter().map(move |b| (a, b))) {
                assert!(one.common(other) > faults, "{one:?} and {other:?} of {n}");
            }
        }
    }

    #[test]
    fn one_member_less_would_not_suffice() {
        for (faults, n) in enough_members() {
            let size = Dissemination { faults }.size(n as usize);
            assert!(2 * (size - 1) < n as usize + faults + 1, "{size} of {n} are needed");
        }
    }

    #[test]
    fn a_quorum_comes_without_the_faulty() {
        for (faults, n) in enough_members() {
            let members = (1..=n).collect();
            for faulty in subsets(&members).iter().filter(|set| set.len() <= faults) {
                assert!(Dissemination { faults }.can_still(&members, faulty));
            }
        }
    }

    #[test]
    fn it_claims_nothing_of_too_few_members() {
        for faults in 1..=3 {
            let members = |n| (1..=n).collect::<NodeSet>();
            let least = 3 * faults as u32 + 1;
            assert!(Dissemination { faults }.intersects(&members(least)));
            assert!(!Dissemination { faults }.intersects(&members(least - 1)));
        }
        assert!(!Dissemination { faults: usize::MAX }.intersects(&NodeSet::from([1])));
    }

    #[test]
    fn without_faults_it_is_a_majority() {
        for n in 0..=9 {
            assert_eq!(Dissemination { faults: 0 }.size(n), Majority::size(n));
        }
    }

    /// Faults and members that suffice for them, few enough to try every pair of quorums.
    fn enough_members() -> impl Iterator<Item = (usize, u32)> {
        (0..=2).flat_map(|faults| (3 * faults as u32 + 1..=8).map(move |n| (faults, n)))
    }
}
