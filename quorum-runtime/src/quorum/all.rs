use super::{NodeSet, QuorumSystem};

/// Every member.
///
/// Of no members at all nothing is a quorum: what nobody has confirmed is not confirmed.
///
/// With [`Any`](super::Any) for reads it is "read one, write all" (Bernstein, Hadzilacos and
/// Goodman: Concurrency Control and Recovery in Database Systems, 1987): the cheapest reads there
/// are, and no write while a member is down.
///
/// ```
/// use quorum_runtime::{All, NodeSet, QuorumSystem};
///
/// let members = NodeSet::from([1, 2, 3]);
/// assert!(All.is_quorum(&members, &NodeSet::from([1, 2, 3])));
/// assert!(!All.can_still(&members, &NodeSet::from([2])), "one failure is too many");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct All;

impl QuorumSystem for All {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        !members.is_empty() && members.is_subset(repliers)
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
    fn only_all_members_together_are_a_quorum() {
        holds(&All);
        for n in 0..=5 {
            let members = (1..=n).collect();
            for set in subsets(&members) {
                assert_eq!(All.is_quorum(&members, &set), n > 0 && set == members);
            }
        }
    }
}
