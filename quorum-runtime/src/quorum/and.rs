use super::{NodeSet, QuorumSystem};

/// The quorums of two systems at once; made by [`QuorumSystem::and`].
///
/// Its quorums are quorums of each part, so any two of them share a member as soon as one of the
/// parts claims that.
///
/// ```
/// use quorum_runtime::{Any, Majority, NodeSet, QuorumSystem};
///
/// let members = NodeSet::from([1, 2, 3]);
/// assert!(!Any.intersects(&members));
/// assert!(Any.and(Majority).intersects(&members));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct And<One, Other> {
    one: One,
    other: Other,
}

impl<One, Other> And<One, Other> {
    pub(super) const fn new(one: One, other: Other) -> Self {
        Self { one, other }
    }
}

impl<One: QuorumSystem, Other: QuorumSystem> QuorumSystem for And<One, Other> {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        self.one.is_quorum(members, repliers) && self.other.is_quorum(members, repliers)
    }

    fn intersects(&self, members: &NodeSet) -> bool {
        self.one.intersects(members) || self.other.intersects(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::properties::{holds, pairs, subsets};

    #[test]
    fn both_systems_must_be_satisfied() {
        for (one, other) in pairs() {
            let both = (&one).and(&other);
            holds(&both);
            for n in 0..=5 {
                let members = (1..=n).collect();
                for set in subsets(&members) {
                    assert_eq!(
                        both.is_quorum(&members, &set),
                        one.is_quorum(&members, &set) && other.is_quorum(&members, &set),
                    );
                    assert_eq!(
                        both.can_still(&members, &set),
                        one.can_still(&members, &set) && other.can_still(&members, &set),
                    );
                }
            }
        }
    }
}
