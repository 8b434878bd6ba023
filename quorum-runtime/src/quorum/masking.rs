use super::{Dissemination, NodeSet, QuorumSystem, Threshold};

/// So many members that any two quorums share more correct ones than there are liars, although up
/// to `faults` members lie: `⌊(n + 2 · faults) / 2⌋ + 1` of n. For data that proves nothing: what
/// `faults + 1` members of a quorum say is what a correct one says.
///
/// It needs `n ≥ 4 · faults + 1`. Then any two quorums share at least `2 · faults + 1` members, and
/// a quorum comes although `faults` members never reply. With fewer members it counts the same, but
/// no quorum may come without a liar, and it claims nothing.
///
/// Where replies are signed, [`Dissemination`] needs fewer members and smaller quorums. Both are of
/// Malkhi and Reiter (Byzantine quorum systems, 1998).
///
/// ```
/// use quorum_runtime::{Masking, NodeSet, QuorumSystem};
///
/// let members = NodeSet::from([1, 2, 3, 4, 5]);
/// let system = Masking { faults: 1 };
/// assert!(!system.is_quorum(&members, &NodeSet::from([1, 2, 4])));
/// assert!(system.is_quorum(&members, &NodeSet::from([1, 2, 4, 5])));
/// assert!(system.intersects(&members));
/// assert!(!system.intersects(&NodeSet::from([1, 2, 3, 4])), "4 members can't mask a fault");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masking {
    /// How many members may behave in any way at all.
    pub faults: usize,
}

impl Masking {
    /// The number of members that make a quorum of `members`.
    ///
    /// ```
    /// use quorum_runtime::Masking;
    ///
    /// let size = |members| Masking { faults: 1 }.size(members);
    /// assert_eq!([5, 6, 7, 8].map(size), [4, 5, 5, 6]);
    /// ```
    #[must_use]
    pub const fn size(self, members: usize) -> usize {
        // A quorum for signed data and twice the faults: twice as many of it may be wrong.
        Dissemination { faults: self.faults.saturating_mul(2) }.size(members)
    }
}

impl QuorumSystem for Masking {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        Threshold(self.size(members.len())).is_quorum(members, repliers)
    }

    fn can_still(&self, members: &NodeSet, failed: &NodeSet) -> bool {
        Threshold(self.size(members.len())).can_still(members, failed)
    }

    /// Whether there are enough members for the claim; it is then that any two quorums share
    /// `2 · faults + 1` of them.
    fn intersects(&self, members: &NodeSet) -> bool {
        members.len() > self.faults.saturating_mul(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::properties::{holds, holds_over, quorums, subsets};

    #[test]
    fn masking_systems_are_quorum_systems() {
        for faults in 0..=2 {
            holds(&Masking { faults });
        }
        holds_over(&Masking { faults: 1 }, &(1..=8).collect());
        holds(&Masking { faults: usize::MAX });
    }

    #[test]
    fn the_correct_members_in_common_outnumber_the_liars() {
        for (faults, n) in enough_members() {
            let members = (1..=n).collect();
            let quorums = quorums(&Masking { faults }, &members);
            for (one, other) in quorums.iter().flat_map(|a| quorums.iter().map(move |b| (a, b))) {
                assert!(one.common(other) > 2 * faults, "{one:?} and {other:?} of {n}");
            }
        }
    }

    #[test]
    fn one_member_less_would_not_suffice() {
        for (faults, n) in enough_members() {
            let size = Masking { faults }.size(n as usize);
            assert!(2 * (size - 1) < n as usize + 2 * faults + 1, "{size} of {n} are needed");
        }
    }

    #[test]
    fn a_quorum_comes_without_the_faulty() {
        for (faults, n) in enough_members() {
            let members = (1..=n).collect();
            for faulty in subsets(&members).iter().filter(|set| set.len() <= faults) {
                assert!(Masking { faults }.can_still(&members, faulty));
            }
        }
    }

    #[test]
    fn it_claims_nothing_of_too_few_members() {
        for faults in 1..=3 {
            let members = |n| (1..=n).collect::<NodeSet>();
            let least = 4 * faults as u32 + 1;
            assert!(Masking { faults }.intersects(&members(least)));
            assert!(!Masking { faults }.intersects(&members(least - 1)));
        }
    }

    /// Faults and members that suffice for them, few enough to try every pair of quorums.
    fn enough_members() -> impl Iterator<Item = (usize, u32)> {
        (0..=1).flat_map(|faults| (4 * faults as u32 + 1..=8).map(move |n| (faults, n)))
    }
}
