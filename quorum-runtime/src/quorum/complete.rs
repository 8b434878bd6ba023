use super::{NodeId, NodeSet, QuorumSystem};

/// Those of `others`, best first, that make a quorum together with the nodes that are there: none
/// that is not needed, and the worst of them as good as it can be. All of `others` when even these
/// make none.
///
/// It rests on the system being monotone, as every system must be.
pub(crate) fn complete(
    system: &impl QuorumSystem,
    members: &NodeSet,
    present: &NodeSet,
    others: impl IntoIterator<Item = NodeId>,
) -> NodeSet {
    let mut quorum = present.clone();
    let mut added = Vec::new();
    let mut others = others.into_iter();
    while !system.is_quorum(members, &quorum) {
        let Some(node) = others.next() else {
            return added.into_iter().collect();
        };
        if quorum.insert(node) {
            added.push(node);
        }
    }
    // Whoever was added last was needed; of those before, the worst goes first.
    for &node in added.iter().rev().skip(1) {
        quorum.remove(node);
        if !system.is_quorum(members, &quorum) {
            quorum.insert(node);
        }
    }
    quorum.difference(present)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quorum::properties::tests::systems;
    use crate::quorum::properties::{some_systems, subsets};
    use crate::quorum::{All, Grid, Majority, Weighted};

    fn chosen(system: &impl QuorumSystem, present: &[u32], others: &[u32]) -> Vec<u32> {
        let members = (1..=6).collect();
        let present = present.iter().copied().collect();
        let nodes = complete(system, &members, &present, others.iter().map(|&id| id.into()));
        nodes.iter().map(NodeId::get).collect()
    }

    #[test]
    fn the_best_that_make_a_quorum_are_chosen() {
        assert_eq!(chosen(&Majority, &[], &[5, 3, 1, 2, 4, 6]), [1, 2, 3, 5]);
        assert_eq!(chosen(&Majority, &[5, 1], &[6, 4, 2]), [4, 6]);
        assert_eq!(chosen(&Majority, &[1, 2, 3, 4], &[5, 6]), [0; 0]);
        assert_eq!(chosen(&Majority, &[1], &[5, 6]), [5, 6], "no quorum: all");
        // 1 2 3
        // 4 5 6
        let grid = Grid { columns: 3 };
        assert_eq!(chosen(&grid, &[], &[5, 1, 6, 2, 3, 4]), [1, 2, 3, 5], "6 is not needed");
        assert_eq!(chosen(&grid, &[1, 2, 5], &[4, 6, 3]), [4, 6]);
        let weighted = Weighted::new([(1, 1), (2, 1), (3, 9)]);
        assert_eq!(chosen(&weighted, &[], &[1, 2, 3]), [3]);
        assert_eq!(chosen(&All, &[3], &[1, 2, 4, 5, 6]), [1, 2, 4, 5, 6]);
    }

    #[test]
    fn strangers_and_those_who_are_there_are_never_chosen_for_a_quorum() {
        assert_eq!(chosen(&Majority, &[1, 2], &[9, 1, 3, 8, 4]), [3, 4]);
    }

    /// What is promised, for one system, one order of the nodes, and one set of those present.
    fn holds(system: &impl QuorumSystem, members: &NodeSet, present: &NodeSet, order: &[NodeId]) {
        let others: Vec<NodeId> =
            order.iter().copied().filter(|&node| !present.contains(node)).collect();
        let added = complete(system, members, present, others.iter().copied());
        let all: NodeSet = others.iter().copied().collect();
        assert!(added.is_subset(&all));
        if !system.is_quorum(members, &(present | &all)) {
            assert_eq!(added, all, "no quorum can be made");
            return;
        }
        assert!(system.is_quorum(members, &(present | &added)), "{added:?} with {present:?}");
        for node in &added {
            let less = &(present | &added) - &NodeSet::from([node]);
            assert!(!system.is_quorum(members, &less), "{node} is not needed in {added:?}");
        }
        if let Some(worst) = others.iter().rposition(|&node| added.contains(node)) {
            let better: NodeSet = others[..worst].iter().copied().collect();
            assert!(!system.is_quorum(members, &(present | &better)), "{better:?} would do");
        }
    }

    #[test]
    fn no_better_choice_is_left_over_any_four_members() {
        let members: NodeSet = (1..=4).collect();
        for system in some_systems() {
            for present in subsets(&members) {
                for first in 0..4 {
                    let mut order: Vec<_> = members.iter().collect();
                    order.rotate_left(first);
                    holds(&system, &members, &present, &order);
                    order.reverse();
                    holds(&system, &members, &present, &order);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_better_choice_is_left_over_many_members(
            system in systems(),
            order in Just((0..24_u32).collect::<Vec<_>>()).prop_shuffle(),
            members in 0..20_usize,
            present in 0..8_usize,
        ) {
            let order: Vec<NodeId> = order.into_iter().map(NodeId::from).collect();
            let members: NodeSet = order[..members].iter().copied().collect();
            let (present, others) = order.split_at(present);
            // Nodes that are not there are asked in another order than that of their ids.
            holds(&system, &members, &present.iter().copied().collect(), others);
        }
    }
}
