use std::collections::BTreeMap;

use super::{NodeId, NodeSet, QuorumSystem};

/// One value per node, only ever raised, and the largest that a quorum has reached.
///
/// For what nodes report again and again and never take back: the last entry of a log that a node
/// has stored, the last operation it has applied, the deletions it has acknowledged. With
/// [`Majority`](super::Majority) the value of the quorum is the commit index of Raft (Ongaro and
/// Ousterhout, 2014), with [`All`](super::All) it is what every member has reached.
///
/// As long as the members stay and none is forgotten, the value of the quorum is only ever raised
/// too. It holds one value for each node that reports, so a server lets none but members report.
///
/// ```
/// use quorum_runtime::{All, Majority, NodeSet, Watermark};
///
/// // A leader of Raft, node 1: the last entry of each log that equals its own.
/// let members = NodeSet::from([1, 2, 3, 4, 5]);
/// let mut stored = Watermark::new();
/// stored.report(1, 9);
/// stored.report(2, 7);
/// assert_eq!(stored.quorum_value(&Majority, &members), None, "2 of 5 have stored anything");
///
/// stored.report(5, 8);
/// assert_eq!(stored.quorum_value(&Majority, &members), Some(&7), "1, 2 and 5 have entry 7");
/// assert!(!stored.report(5, 6), "a reply that was overtaken lowers nothing");
///
/// // What every member has stored need not be kept for anyone.
/// assert_eq!(stored.quorum_value(&All, &members), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark<V> {
    values: BTreeMap<NodeId, V>,
}

impl<V: Ord> Watermark<V> {
    /// No values yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { values: BTreeMap::new() }
    }

    /// Notes that the node has reached this value, and says whether that raised its value.
    pub fn report(&mut self, node: impl Into<NodeId>, value: V) -> bool {
        let node = node.into();
        let raises = self.values.get(&node).is_none_or(|known| *known < value);
        if raises {
            self.values.insert(node, value);
        }
        raises
    }

    /// The largest value that the node has reported.
    ///
    /// ```
    /// use quorum_runtime::Watermark;
    ///
    /// let mut applied = Watermark::new();
    /// applied.report(1, 5);
    /// applied.report(1, 3);
    /// assert_eq!((applied.get(1), applied.get(2)), (Some(&5), None));
    /// ```
    #[must_use]
    pub fn get(&self, node: impl Into<NodeId>) -> Option<&V> {
        self.values.get(&node.into())
    }

    /// The largest value that a quorum of these members has reached: the members whose values are
    /// at least as large are a quorum.
    ///
    /// The system and the members are those of the moment, so a [`Joint`](super::Joint) system
    /// counts while the membership changes. `None` as long as those who have reported anything are
    /// no quorum.
    pub fn quorum_value(&self, system: &impl QuorumSystem, members: &NodeSet) -> Option<&V> {
        let mut descending: Vec<_> = self.values.iter().collect();
        descending.retain(|(node, _)| members.contains(**node));
        descending.sort_unstable_by(|(_, one), (_, other)| other.cmp(one));

        let mut reached = NodeSet::new();
        descending.into_iter().find_map(|(node, value)| {
            reached.insert(*node);
            system.is_quorum(members, &reached).then_some(value)
        })
    }

    /// Forgets a node, and gives its value: for one that was removed, or whose state was lost.
    ///
    /// ```
    /// use quorum_runtime::{All, NodeSet, Watermark};
    ///
    /// // A deletion can be dropped for good when everyone has acknowledged it.
    /// let mut acknowledged = Watermark::new();
    /// acknowledged.report(1, 5);
    /// acknowledged.report(2, 3);
    /// assert_eq!(acknowledged.quorum_value(&All, &NodeSet::from([1, 2])), Some(&3));
    ///
    /// assert_eq!(acknowledged.forget(2), Some(3));
    /// assert_eq!(acknowledged.quorum_value(&All, &NodeSet::from([1])), Some(&5));
    /// ```
    pub fn forget(&mut self, node: impl Into<NodeId>) -> Option<V> {
        self.values.remove(&node.into())
    }
}

impl<V: Ord> Default for Watermark<V> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::quorum::properties::some_systems;
    use crate::quorum::{All, Joint, Majority, Threshold};

    fn of(values: impl IntoIterator<Item = (u32, u32)>) -> Watermark<u32> {
        let mut watermark = Watermark::new();
        values.into_iter().for_each(|(node, value)| assert!(watermark.report(node, value)));
        watermark
    }

    /// Tries each value in turn, from the largest that anyone could have.
    fn by_definition(
        watermark: &Watermark<u32>,
        system: &impl QuorumSystem,
        members: &NodeSet,
    ) -> Option<u32> {
        let reached = |value| {
            members
                .iter()
                .filter(|node| watermark.get(*node).is_some_and(|v| *v >= value))
                .collect()
        };
        let has_reached = |value: &u32| !NodeSet::is_empty(&reached(*value));
        (0..=9).rev().filter(has_reached).find(|value| system.is_quorum(members, &reached(*value)))
    }

    #[test]
    fn a_value_is_raised_and_never_lowered() {
        let mut watermark = of([(1, 5)]);
        assert!(!watermark.report(1, 5));
        assert!(!watermark.report(1, 4));
        assert!(watermark.report(1, 6));
        assert_eq!((watermark.get(1), watermark.get(2)), (Some(&6), None));
    }

    #[test]
    fn it_is_the_commit_index_of_every_log_of_up_to_four_members() {
        for n in 1..=4_u32 {
            let members: NodeSet = (1..=n).collect();
            for code in 0..4_u32.pow(n) {
                let values: Vec<_> =
                    (1..=n).map(|node| (node, code >> (2 * (node - 1)) & 3)).collect();
                let watermark = of(values.iter().copied());
                let mut sorted: Vec<_> = values.iter().map(|(_, value)| value).collect();
                sorted.sort();
                let expected = sorted[(n as usize - 1) / 2];
                assert_eq!(
                    watermark.quorum_value(&Majority, &members),
                    Some(expected),
                    "{values:?}"
                );
                assert_eq!(watermark.quorum_value(&All, &members), Some(sorted[0]), "{values:?}");
            }
        }
    }

    #[test]
    fn strangers_and_forgotten_nodes_do_not_count() {
        let members = NodeSet::from([1, 2, 3]);
        let mut watermark = of([(1, 5), (8, 9), (9, 9)]);
        assert_eq!(watermark.quorum_value(&Majority, &members), None);
        assert_eq!(watermark.quorum_value(&Threshold(0), &members), Some(&5), "9 is no member's");
        watermark.report(2, 4);
        assert_eq!(watermark.quorum_value(&Majority, &members), Some(&4));
        assert_eq!(watermark.forget(2), Some(4));
        assert_eq!(watermark.quorum_value(&Majority, &members), None);
        assert!(watermark.report(2, 1), "a forgotten node begins anew");
    }

    #[test]
    fn a_change_of_members_counts_in_both_memberships() {
        let joint = Joint::new(NodeSet::from([1, 2, 3]), NodeSet::from([3, 4, 5]));
        let watermark = of([(1, 9), (2, 8), (3, 7), (4, 2)]);
        assert_eq!(watermark.quorum_value(&joint, &joint.members()), Some(&2));
    }

    proptest! {
        #[test]
        fn it_is_the_largest_value_of_a_quorum_and_only_ever_raised(
            reports in vec((0..8_u32, 0..10_u32), 0..40),
        ) {
            let members: NodeSet = (1..=6).collect();
            for system in some_systems() {
                let mut watermark = Watermark::new();
                let mut last = None;
                for (node, value) in &reports {
                    watermark.report(*node, *value);
                    let found = watermark.quorum_value(&system, &members).copied();
                    prop_assert_eq!(found, by_definition(&watermark, &system, &members));
                    prop_assert!(found >= last, "{last:?} became {found:?}");
                    last = found;
                }
            }
        }
    }
}
