//! What every quorum system must hold, tried exhaustively for up to five members and by chance for
//! more.

use super::*;
use crate::error::NodeError;

/// Tries a system over every number of members up to five.
pub(super) fn holds(system: &impl QuorumSystem) {
    (0..=5_u32).for_each(|n| holds_over(system, &(1..=n).collect()));
}

/// Tries a system over these members: every set of repliers, and every vector of outcomes.
pub(super) fn holds_over(system: &impl QuorumSystem, members: &NodeSet) {
    is_monotone(system, members);
    counts_no_stranger(system, members);
    keeps_its_claim(system, members);
    knows_what_can_still_come(system, members);
    if members.len() <= 5 {
        vectors(members).iter().for_each(|vector| decides(system, members, vector));
    }
}

/// Every subset of a set.
pub(super) fn subsets(set: &NodeSet) -> Vec<NodeSet> {
    set.iter().fold(vec![NodeSet::new()], |subsets, node| {
        let with_node = |subset: &NodeSet| subset | &[node].into();
        subsets.iter().cloned().chain(subsets.iter().map(with_node)).collect()
    })
}

/// Every set of members that is a quorum.
pub(super) fn quorums(system: &impl QuorumSystem, members: &NodeSet) -> Vec<NodeSet> {
    subsets(members).into_iter().filter(|set| system.is_quorum(members, set)).collect()
}

/// The quorums that need each of their members, in ascending order.
pub(super) fn minimal_quorums(system: &impl QuorumSystem, members: &NodeSet) -> Vec<NodeSet> {
    let quorums = quorums(system, members);
    let is_minimal = |set: &&NodeSet| quorums.iter().all(|q| q == *set || !q.is_subset(set));
    let mut minimal: Vec<_> = quorums.iter().filter(is_minimal).cloned().collect();
    minimal.sort_by_key(|set| set.iter().collect::<Vec<_>>());
    minimal
}

/// Whether any two quorums share a member, whatever the system claims.
pub(super) fn do_intersect(system: &impl QuorumSystem, members: &NodeSet) -> bool {
    let quorums = minimal_quorums(system, members);
    quorums.iter().all(|one| quorums.iter().all(|other| !one.is_disjoint(other)))
}

/// A few systems, of each kind of claim, whose quorums can be had and can't.
pub(super) fn some_systems() -> Vec<Box<dyn QuorumSystem>> {
    vec![
        Box::new(Any),
        Box::new(Majority),
        Box::new(Threshold(0)),
        Box::new(Threshold(4)),
        Box::new(Grid { columns: 2 }),
        Box::new(Within::new(Majority, NodeSet::from([1, 2]))),
        Box::new(Within::new(All, NodeSet::from([3, 4]))),
    ]
}

/// Every two of them.
pub(super) fn pairs() -> Vec<(Box<dyn QuorumSystem>, Box<dyn QuorumSystem>)> {
    let others =
        |at| some_systems().into_iter().map(move |other| (some_systems().remove(at), other));
    (0..some_systems().len()).flat_map(others).collect()
}

fn is_monotone(system: &impl QuorumSystem, members: &NodeSet) {
    for quorum in quorums(system, members) {
        for node in members {
            assert!(system.is_quorum(members, &(&quorum | &[node].into())), "{quorum:?}, {node}");
        }
    }
}

fn counts_no_stranger(system: &impl QuorumSystem, members: &NodeSet) {
    let strangers: NodeSet = [0, 6, 9, 100].into();
    let strangers = &strangers - members;
    for set in subsets(members) {
        let expected = system.is_quorum(members, &set);
        assert_eq!(system.is_quorum(members, &(&set | &strangers)), expected, "{set:?}");
    }
}

fn keeps_its_claim(system: &impl QuorumSystem, members: &NodeSet) {
    if system.intersects(members) {
        assert!(do_intersect(system, members), "{:?}", minimal_quorums(system, members));
    }
}

fn knows_what_can_still_come(system: &impl QuorumSystem, members: &NodeSet) {
    let quorums = quorums(system, members);
    for failed in subsets(members) {
        let some_avoids_them = quorums.iter().any(|quorum| quorum.is_disjoint(&failed));
        assert_eq!(system.can_still(members, &failed), some_avoids_them, "{failed:?} failed");
    }
}

/// What one member does in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Replies,
    Fails,
    Silent,
}

type Vector = Vec<(NodeId, Outcome)>;

/// Every vector of outcomes of these members.
fn vectors(members: &NodeSet) -> Vec<Vector> {
    const OUTCOMES: [Outcome; 3] = [Outcome::Replies, Outcome::Fails, Outcome::Silent];
    members.iter().fold(vec![vec![]], |vectors, node| {
        let then = |vector: &Vector| OUTCOMES.map(|o| [vector.as_slice(), &[(node, o)]].concat());
        vectors.iter().flat_map(then).collect()
    })
}

/// A call is decided, given up or awaited exactly when it must be, and what a silent member does
/// later changes no decision.
fn decides(system: &impl QuorumSystem, members: &NodeSet, vector: &Vector) {
    let those = |wanted| {
        let outcomes = vector.iter().filter(|(_, outcome)| *outcome == wanted);
        outcomes.map(|(node, _)| *node).collect::<NodeSet>()
    };
    let expected = if system.is_quorum(members, &those(Outcome::Replies)) {
        Some(Verdict::Done(()))
    } else if system.can_still(members, &those(Outcome::Fails)) {
        Some(Verdict::Pending)
    } else {
        None
    };
    assert_eq!(verdict(system, members, vector), expected, "{vector:?}");
    if expected != Some(Verdict::Pending) {
        let later = |node| [(node, Outcome::Replies), (node, Outcome::Fails)];
        for outcome in those(Outcome::Silent).iter().flat_map(later) {
            let vector = [vector.as_slice(), &[outcome]].concat();
            assert_eq!(verdict(system, members, &vector), expected, "{vector:?}");
        }
    }
}

fn verdict(system: &impl QuorumSystem, members: &NodeSet, vector: &Vector) -> Option<Verdict<()>> {
    let mut replies = Replies::new(members);
    for (node, outcome) in vector {
        match outcome {
            Outcome::Replies => replies.record(*node, Ok(())),
            Outcome::Fails => replies.record(*node, Err(NodeError::Closed)),
            Outcome::Silent => {}
        }
    }
    replies.evaluate(|replies| replies.is_quorum(system).then_some(()).into())
}

pub(super) mod tests {
    use std::fmt::Debug;

    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    pub(in crate::quorum) trait System: QuorumSystem + Debug {}

    impl<S: QuorumSystem + Debug> System for S {}

    fn dynamic(system: impl System + 'static) -> Box<dyn System> {
        Box::new(system)
    }

    fn nodes() -> impl Strategy<Value = NodeSet> + Clone {
        btree_set(0..24_u32, 0..20).prop_map(NodeSet::from_iter)
    }

    /// Systems of every kind, and combinations of them.
    pub(in crate::quorum) fn systems() -> impl Strategy<Value = Box<dyn System>> {
        let weights = proptest::collection::vec((0..24_u32, 0..5_u64), 0..30);
        let simple = prop_oneof![
            Just(()).prop_map(|()| dynamic(Majority)),
            Just(()).prop_map(|()| dynamic(All)),
            Just(()).prop_map(|()| dynamic(Any)),
            (0..24_usize).prop_map(|k| dynamic(Threshold(k))),
            (0..8_usize).prop_map(|columns| dynamic(Grid { columns })),
            (0..8_usize).prop_map(|faults| dynamic(Masking { faults })),
            (0..8_usize).prop_map(|faults| dynamic(Dissemination { faults })),
            weights.prop_map(|weights| dynamic(Weighted::new(weights))),
            (nodes(), nodes()).prop_map(|(old, new)| dynamic(Joint::new(old, new))),
        ];
        simple.prop_recursive(3, 8, 2, |part| {
            prop_oneof![
                (part.clone(), part.clone()).prop_map(|(one, other)| dynamic(one.and(other))),
                (part.clone(), part.clone()).prop_map(|(one, other)| dynamic(one.or(other))),
                (part, nodes()).prop_map(|(system, own)| dynamic(Within::new(system, own))),
            ]
        })
    }

    /// Members, and all nodes in two orders, among them nodes that are no members.
    fn orders() -> impl Strategy<Value = (NodeSet, Vec<u32>, Vec<u32>)> {
        let all = || Just((0..24).collect::<Vec<u32>>()).prop_shuffle();
        (nodes(), all(), all())
    }

    /// What is left of all members when each in turn is left out, as long as a quorum remains.
    fn shrunk(system: &impl QuorumSystem, members: &NodeSet, order: &[u32]) -> NodeSet {
        order.iter().fold(members.clone(), |quorum, node| {
            let less = &quorum - &[*node].into();
            if system.is_quorum(members, &less) { less } else { quorum }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn a_further_reply_never_undoes_a_quorum_and_a_stranger_never_makes_one(
            system in systems(),
            (members, order, _) in orders(),
        ) {
            let mut repliers = NodeSet::new();
            let mut reached = system.is_quorum(&members, &repliers);
            for node in order.into_iter().map(NodeId::from) {
                repliers.insert(node);
                let is_quorum = system.is_quorum(&members, &repliers);
                prop_assert!(is_quorum || !reached, "{node} undoes it");
                prop_assert!(is_quorum == reached || members.contains(node), "stranger {node}");
                reached = is_quorum;
            }
        }

        #[test]
        fn two_quorums_of_a_system_that_claims_it_share_a_member(
            system in systems(),
            (members, order, other_order) in orders(),
        ) {
            let one = shrunk(&system, &members, &order);
            let other = shrunk(&system, &members, &other_order);
            let has_quorums = system.is_quorum(&members, &members);
            if has_quorums && system.intersects(&members) {
                prop_assert!(!one.is_disjoint(&other), "{one:?} and {other:?}");
            }
        }

        #[test]
        fn a_quorum_can_still_come_as_long_as_one_avoids_the_failed(
            system in systems(),
            (members, order, other_order) in orders(),
        ) {
            let quorum = shrunk(&system, &members, &other_order);
            let is_quorum = system.is_quorum(&members, &quorum);
            let mut failed = NodeSet::new();
            for node in order {
                failed.extend([node]);
                let rest = &members - &failed;
                let can_still = system.can_still(&members, &failed);
                prop_assert_eq!(can_still, system.is_quorum(&members, &rest));
                prop_assert!(can_still || !is_quorum || !quorum.is_disjoint(&failed));
            }
        }
    }
}
