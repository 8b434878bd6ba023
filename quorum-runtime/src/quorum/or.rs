use super::{NodeSet, QuorumSystem};

/// The quorums of either of two systems; made by [`QuorumSystem::or`].
///
/// It claims no intersection: a quorum of one part need not share a member with a quorum of the
/// other, whatever each claims of its own.
///
/// ```
/// use quorum_runtime::{All, NodeSet, QuorumSystem, Within};
///
/// let members = NodeSet::from([1, 2]);
/// let alone = |node| Within::new(All, NodeSet::from([node]));
/// assert!(alone(1).intersects(&members) && alone(2).intersects(&members));
/// assert!(!alone(1).or(alone(2)).intersects(&members));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Or<One, Other> {
    one: One,
    other: Other,
}

impl<One, Other> Or<One, Other> {
    pub(super) const fn new(one: One, other: Other) -> Self {
        Self { one, other }
    }
}

impl<One: QuorumSystem, Other: QuorumSystem> QuorumSystem for Or<One, Other> {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        self.one.is_quorum(members, repliers) || self.other.is_quorum(members, repliers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::properties::{holds, pairs, subsets};

    #[test]
    fn one_satisfied_system_is_enough() {
        for (one, other) in pairs() {
            let either = (&one).or(&other);
            holds(&either);
            for n in 0..=5 {
                let members = (1..=n).collect();
                for set in subsets(&members) {
                    assert_eq!(
                        either.is_quorum(&members, &set),
                        one.is_quorum(&members, &set) || other.is_quorum(&members, &set),
                    );
                    assert_eq!(
                        either.can_still(&members, &set),
                        one.can_still(&members, &set) || other.can_still(&members, &set),
                    );
                }
            }
        }
    }
}
