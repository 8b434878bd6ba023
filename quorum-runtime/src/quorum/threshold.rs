use super::{NodeSet, QuorumSystem};

/// Any `k` of the members.
///
/// A threshold of more than the members can never be reached. A threshold of 0 needs no reply: it
/// is reached before any has come. Any two quorums share a member when `k` is more than half of
/// the members; below that, read and write quorums may still share one with each other, when
/// their thresholds add up to more than the members (Gifford, 1979).
///
/// ```
/// use quorum_runtime::{NodeSet, QuorumSystem, Threshold};
///
/// let members = NodeSet::from([1, 2, 3, 4]);
/// assert!(!Threshold(3).is_quorum(&members, &NodeSet::from([1, 4])));
/// assert!(Threshold(3).is_quorum(&members, &NodeSet::from([1, 2, 4])));
/// assert!(!Threshold(5).is_quorum(&members, &members));
/// assert!(Threshold(0).is_quorum(&members, &NodeSet::new()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold(
    /// How many members must have replied.
    pub usize,
);

impl QuorumSystem for Threshold {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        // Most replies come too early to make a quorum, and are not counted.
        repliers.len() >= self.0 && members.common(repliers) >= self.0
    }

    fn can_still(&self, members: &NodeSet, failed: &NodeSet) -> bool {
        members.len() - members.common(failed) >= self.0
    }

    fn intersects(&self, members: &NodeSet) -> bool {
        self.0 > members.len() / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::properties::{do_intersect, holds, subsets};

    #[test]
    fn a_threshold_is_reached_by_exactly_so_many_members() {
        for k in 0..=6 {
            holds(&Threshold(k));
            for n in 0..=5 {
                let members = (1..=n).collect();
                for set in subsets(&members) {
                    assert_eq!(Threshold(k).is_quorum(&members, &set), set.len() >= k);
                }
            }
        }
    }

    #[test]
    fn it_claims_intersection_exactly_when_it_has_it() {
        for k in 0..=6 {
            for n in 0..=5 {
                let members = (1..=n).collect();
                let claim = Threshold(k).intersects(&members);
                assert_eq!(claim, do_intersect(&Threshold(k), &members), "{k} of {n}");
            }
        }
    }

    #[test]
    fn the_largest_threshold_is_never_reached() {
        holds(&Threshold(usize::MAX));
    }
}
