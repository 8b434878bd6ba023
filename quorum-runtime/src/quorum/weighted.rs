use std::collections::BTreeMap;

use super::{NodeId, NodeSet, QuorumSystem};

/// Members that hold more than half of the weight of all members (weighted voting: Gifford, 1979).
///
/// Any two such sets share a member that has weight. A node without a weight counts 0: it may be
/// a member and reply, and changes nothing. Where all members together have no weight, nothing is
/// a quorum.
///
/// ```
/// use quorum_runtime::{NodeSet, QuorumSystem, Weighted};
///
/// let system = Weighted::new([(1, 3), (2, 1), (3, 1), (4, 1)]);
/// let members = NodeSet::from([1, 2, 3, 4]);
/// assert!(system.is_quorum(&members, &NodeSet::from([1, 2])), "4 of 6");
/// assert!(!system.is_quorum(&members, &NodeSet::from([2, 3, 4])), "3 of 6");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weighted {
    weights: BTreeMap<NodeId, u64>,
}

impl Weighted {
    /// Nodes with their weights. Of a node that is named twice, the last weight counts.
    #[must_use]
    pub fn new<N: Into<NodeId>>(weights: impl IntoIterator<Item = (N, u64)>) -> Self {
        let weights = weights.into_iter().map(|(node, weight)| (node.into(), weight)).collect();
        Self { weights }
    }

    /// The weight of a node, 0 if it was given none.
    ///
    /// ```
    /// use quorum_runtime::Weighted;
    ///
    /// let system = Weighted::new([(1, 3)]);
    /// assert_eq!((system.weight(1), system.weight(2)), (3, 0));
    /// ```
    #[must_use]
    pub fn weight(&self, node: impl Into<NodeId>) -> u64 {
        self.weights.get(&node.into()).copied().unwrap_or(0)
    }

    /// Can't overflow, even doubled: there are 2³² ids of less than 2⁶⁴ each.
    fn weight_of(&self, nodes: &NodeSet) -> u128 {
        nodes.iter().map(|node| u128::from(self.weight(node))).sum()
    }
}

impl QuorumSystem for Weighted {
    fn is_quorum(&self, members: &NodeSet, repliers: &NodeSet) -> bool {
        2 * self.weight_of(&(members & repliers)) > self.weight_of(members)
    }

    fn intersects(&self, _: &NodeSet) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quorum::Majority;
    use crate::quorum::properties::{holds, subsets};

    #[test]
    fn every_weighting_by_up_to_three_is_a_quorum_system() {
        for code in 0..4_u64.pow(4) {
            holds(&Weighted::new((1..=4).map(|node| (node, code >> (2 * (node - 1)) & 3))));
        }
    }

    #[test]
    fn equal_weights_make_a_majority() {
        for n in 0..=5 {
            let members = (1..=n).collect();
            let system = Weighted::new((1..=n).map(|node| (node, 7)));
            for set in subsets(&members) {
                let expected = Majority.is_quorum(&members, &set);
                assert_eq!(system.is_quorum(&members, &set), expected, "{set:?} of {n}");
            }
        }
    }

    #[test]
    fn half_of_the_weight_is_not_enough() {
        let system = Weighted::new([(1, 2), (2, 1), (3, 1)]);
        let members = NodeSet::from([1, 2, 3]);
        assert!(!system.is_quorum(&members, &NodeSet::from([1])));
        assert!(!system.is_quorum(&members, &NodeSet::from([2, 3])));
        assert!(system.is_quorum(&members, &NodeSet::from([1, 2])));
    }

    #[test]
    fn without_weight_there_is_no_quorum() {
        let members = NodeSet::from([1, 2]);
        assert!(!Weighted::default().is_quorum(&members, &members));
        assert!(!Weighted::new([(1, 0), (2, 0)]).is_quorum(&members, &members));
        assert!(!Weighted::new([(3, 5)]).is_quorum(&members, &members), "3 is no member");
    }

    #[test]
    fn the_weight_of_a_stranger_counts_on_neither_side() {
        let system = Weighted::new([(1, 2), (2, 1), (9, 5)]);
        let members = NodeSet::from([1, 2]);
        assert!(system.is_quorum(&members, &NodeSet::from([1])));
        assert!(!system.is_quorum(&members, &NodeSet::from([2, 9])));
    }

    #[test]
    fn the_last_weight_of_a_node_counts() {
        assert_eq!(Weighted::new([(1, 3), (1, 2)]).weight(1), 2);
    }

    #[test]
    fn the_largest_weights_add_up() {
        let system = Weighted::new([(1, u64::MAX), (2, u64::MAX), (3, u64::MAX)]);
        let members = NodeSet::from([1, 2, 3]);
        assert!(!system.is_quorum(&members, &NodeSet::from([3])));
        assert!(system.is_quorum(&members, &NodeSet::from([1, 3])));
    }

    proptest! {
        #[test]
        fn a_set_or_the_rest_has_more_than_half_unless_they_are_even(
            weights in proptest::collection::vec(0..6_u64, 1..20),
            chosen: u32,
        ) {
            let system = Weighted::new((0_u32..).zip(weights.iter().copied()));
            let members: NodeSet = (0..weights.len() as u32).collect();
            let is_chosen = |node: &NodeId| chosen >> node.get() & 1 == 1;
            let set: NodeSet = members.iter().filter(is_chosen).collect();
            let of = |nodes: &NodeSet| nodes.iter().map(|node| system.weight(node)).sum::<u64>();
            let rest = &members - &set;
            prop_assert_eq!(system.is_quorum(&members, &set), of(&set) > of(&rest));
            prop_assert_eq!(system.is_quorum(&members, &rest), of(&rest) > of(&set));
        }
    }
}
