use super::{NodeSet, QuorumSystem};

/// Any one member: the first reply is enough.
///
/// For data that never changes, for reads where [`All`](super::All) members were written, and where
/// an old answer does no harm.
///
/// ```
/// use quorum_runtime::{Any, NodeSet, QuorumSystem};
///
/// let members = NodeSet::from([1, 2, 3]);
/// assert!(Any.is_quorum(&members, &NodeSet::from([3])));
/// assert!(Any.can_still(&members, &NodeSet::from([1, 2])));
/// assert!(!Any.intersects(&members), "{{1}} and {{2}}");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Any;

impl QuorumSystem for Any {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        !members.is_disjoint(repliers)
    }

    fn intersects(&self, members: &NodeSet) -> bool {
        members.len() <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::properties::{do_intersect, holds, subsets};

    #[test]
    fn one_member_is_a_quorum() {
        holds(&Any);
        for n in 0..=5 {
            let members = (1..=n).collect();
            for set in subsets(&members) {
                assert_eq!(Any.is_quorum(&members, &set), !set.is_empty());
            }
            assert_eq!(Any.intersects(&members), do_intersect(&Any, &members));
        }
    }
}
