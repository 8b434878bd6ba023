use super::{NodeSet, QuorumSystem};

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
        members.common(repliers) >= Self::size(members.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every subset of `1..=n`, as a set of nodes.
    fn subsets(n: u32) -> impl Iterator<Item = NodeSet> {
        (0_u32..1 << n).map(move |bits| (1..=n).filter(|id| bits & (1 << (id - 1)) != 0).collect())
    }

    #[test]
    fn any_two_majorities_share_a_member() {
        for n in 1..=5 {
            let members: NodeSet = (1..=n).collect();
            let quorums: Vec<_> = subsets(n).filter(|s| Majority.is_quorum(&members, s)).collect();
            assert!(!quorums.is_empty(), "{n} members have a majority");
            for (one, other) in quorums.iter().flat_map(|a| quorums.iter().map(move |b| (a, b))) {
                assert!(one.common(other) > 0, "{one:?} and {other:?} of {n}");
            }
        }
    }

    #[test]
    fn a_further_replier_never_undoes_a_majority() {
        for n in 1..=5 {
            let members: NodeSet = (1..=n).collect();
            for repliers in subsets(n).filter(|s| Majority.is_quorum(&members, s)) {
                for node in members.iter() {
                    let mut more = repliers.clone();
                    more.insert(node);
                    assert!(Majority.is_quorum(&members, &more));
                }
            }
        }
    }

    #[test]
    fn a_majority_can_still_come_exactly_while_a_majority_has_not_failed() {
        for n in 1..=5 {
            let members: NodeSet = (1..=n).collect();
            for failed in subsets(n) {
                let alive = n as usize - failed.len();
                assert_eq!(Majority.can_still(&members, &failed), alive > n as usize / 2);
            }
        }
    }

    #[test]
    fn strangers_do_not_count() {
        let members = NodeSet::from([1, 2, 3]);
        assert!(!Majority.is_quorum(&members, &NodeSet::from([1, 8, 9])));
    }
}
