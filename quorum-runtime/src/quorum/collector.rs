use std::collections::{BTreeMap, BTreeSet};

use super::{Majority, NodeId, NodeSet, QuorumSystem};

/// Gathers one-way messages that must form a quorum at the server that receives them: the votes of
/// HotStuff (Yin et al., 2019), the `DoViewChange` of Viewstamped Replication (Liskov and Cowling,
/// 2012).
///
/// Messages belong together that have the same key: a view, a term, a view with the hash of a
/// proposal. Under each key a node counts once, by its first message, and only a member counts.
/// The moment a quorum forms, its messages are handed out, once; what comes under that key later
/// is ignored.
///
/// # What is kept
///
/// Keys must rise with time, and compare by what rises first: a view before a hash. Of each member
/// the messages under its `limit` highest open keys are kept. Who opens more loses its own lowest
/// and nobody else's, so at most `limit` messages for each member are held, whatever peers send.
/// The `limit` highest keys that were handed out are remembered, and below them no further key is
/// opened. So `limit` must be larger than the number of keys that are open at once when all goes
/// well.
///
/// The sender must be known from its connection or its signature. A message that names its sender
/// itself could speak for any member.
///
/// # Examples
///
/// ```
/// use quorum_runtime::{Collector, Dissemination, NodeSet};
///
/// // The leader of a view waits for the votes of 3 of 4 replicas.
/// let replicas = NodeSet::from([1, 2, 3, 4]);
/// let mut votes = Collector::new(Dissemination { faults: 1 }, replicas, 8);
/// let view = 7;
/// assert_eq!(votes.add(view, 4, "signed by 4"), None);
/// assert_eq!(votes.add(view, 4, "signed by 4"), None, "a node counts once");
/// assert_eq!(votes.add(view, 1, "signed by 1"), None);
///
/// let quorum = votes.add(view, 2, "signed by 2").into_iter().flatten();
/// let certificate: Vec<_> = quorum.map(|(_, signature)| signature).collect();
/// assert_eq!(certificate, ["signed by 1", "signed by 2", "signed by 4"]);
/// assert_eq!(votes.add(view, 3, "signed by 3"), None, "too late");
/// ```
#[derive(Clone, Debug)]
pub struct Collector<K, T, Q = Majority> {
    system: Q,
    members: NodeSet,
    limit: usize,
    /// What each member has sent under keys that have no quorum. At most `limit` keys each.
    open: BTreeMap<NodeId, BTreeMap<K, T>>,
    /// The keys that were handed out. At most `limit`; any other of them is below the floor.
    done: BTreeSet<K>,
    /// No key below it is opened.
    floor: Option<K>,
}

impl<K: Ord + Clone, T, Q: QuorumSystem> Collector<K, T, Q> {
    /// Nothing gathered yet, to become quorums of these members, with at most `limit` open keys for
    /// each of them. With a limit of 0 nothing is ever kept or handed out.
    ///
    /// For other members make another collector: a message that was sent to one membership says
    /// nothing about a quorum of the next.
    #[must_use]
    pub const fn new(system: Q, members: NodeSet, limit: usize) -> Self {
        Self { system, members, limit, open: BTreeMap::new(), done: BTreeSet::new(), floor: None }
    }

    /// Adds the message of a node under a key, and hands out all that came under the key, in the
    /// order of the nodes' ids, if they are a quorum with it.
    pub fn add(&mut self, key: K, node: impl Into<NodeId>, item: T) -> Option<Vec<(NodeId, T)>> {
        let node = node.into();
        if !self.members.contains(node) || self.is_past(&key) {
            return None;
        }
        let is_kept = self.keep(key.clone(), node, item);
        if !is_kept || !self.system.is_quorum(&self.members, &self.senders(&key)) {
            return None;
        }
        let items = self.take(&key);
        self.remember(key);
        Some(items)
    }

    /// Forgets all messages under keys below this one, and ignores what comes under them later:
    /// for views that were left.
    ///
    /// ```
    /// use quorum_runtime::{Collector, Majority, NodeSet};
    ///
    /// let mut collector = Collector::new(Majority, NodeSet::from([1, 2, 3]), 8);
    /// collector.add(4, 1, "for view 4");
    /// collector.forget_below(&5);
    /// assert_eq!(collector.add(4, 2, "for view 4"), None);
    /// ```
    pub fn forget_below(&mut self, key: &K) {
        self.open.values_mut().for_each(|items| *items = items.split_off(key));
        self.done = self.done.split_off(key);
        self.raise_floor(Some(key.clone()));
    }

    /// A key that is open was not handed out, so it may still come to its quorum below the floor.
    fn is_past(&self, key: &K) -> bool {
        let is_below = self.floor.as_ref().is_some_and(|floor| key < floor);
        self.done.contains(key) || (is_below && self.senders(key).is_empty())
    }

    /// Keeps the message if it is the node's first under the key, and the key not its lowest of too
    /// many.
    fn keep(&mut self, key: K, node: NodeId, item: T) -> bool {
        let items = self.open.entry(node).or_default();
        let is_full = items.len() >= self.limit;
        let is_lowest = items.first_key_value().is_none_or(|(lowest, _)| key < *lowest);
        if items.contains_key(&key) || (is_full && is_lowest) {
            return false;
        }
        if is_full {
            items.pop_first();
        }
        items.insert(key, item);
        true
    }

    fn senders(&self, key: &K) -> NodeSet {
        let senders = self.open.iter().filter(|(_, items)| items.contains_key(key));
        senders.map(|(node, _)| *node).collect()
    }

    fn take(&mut self, key: &K) -> Vec<(NodeId, T)> {
        let items = self.open.iter_mut();
        items.filter_map(|(node, items)| Some((*node, items.remove(key)?))).collect()
    }

    /// Remembers that the key was handed out; a key that is remembered no more is below the floor.
    fn remember(&mut self, key: K) {
        self.done.insert(key);
        if self.done.len() > self.limit {
            self.done.pop_first();
            self.raise_floor(self.done.first().cloned());
        }
    }

    fn raise_floor(&mut self, floor: Option<K>) {
        self.floor = self.floor.take().max(floor);
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::quorum::Any;
    use crate::quorum::properties::some_systems;

    fn members(n: u32) -> NodeSet {
        (1..=n).collect()
    }

    /// How many messages are held.
    fn held<K, T, Q>(collector: &Collector<K, T, Q>) -> usize {
        collector.open.values().map(BTreeMap::len).sum()
    }

    fn ids(items: Option<Vec<(NodeId, u32)>>) -> Option<Vec<u32>> {
        Some(items?.into_iter().map(|(node, _)| node.get()).collect())
    }

    /// Every sequence of this length of nodes from 0 to `n`, where 0 is no member.
    fn sequences(n: u32, length: u32) -> impl Iterator<Item = Vec<u32>> {
        let base = n + 1;
        (0..base.pow(length))
            .map(move |code| (0..length).map(|at| code / base.pow(at) % base).collect())
    }

    #[test]
    fn the_moment_a_quorum_forms_its_first_messages_are_handed_out_and_never_again() {
        for system in some_systems() {
            for (n, sequence) in (1..=4).flat_map(|n| sequences(n, 5).map(move |s| (n, s))) {
                let mut collector = Collector::new(&system, members(n), 1);
                let mut firsts: BTreeMap<NodeId, usize> = BTreeMap::new();
                let mut is_done = false;
                for (at, node) in sequence.iter().copied().enumerate() {
                    if node > 0 {
                        firsts.entry(node.into()).or_insert(at);
                    }
                    let senders = firsts.keys().copied().collect();
                    let forms = node > 0 && !is_done && system.is_quorum(&members(n), &senders);
                    let expected = forms.then(|| firsts.clone().into_iter().collect::<Vec<_>>());
                    assert_eq!(collector.add("view", node, at), expected, "{sequence:?}");
                    is_done |= forms;
                }
            }
        }
    }

    #[test]
    fn who_opens_too_many_keys_loses_its_own_lowest() {
        let mut collector = Collector::new(Majority, members(3), 2);
        for (key, node) in [(1, 1), (2, 1), (7, 2), (8, 2), (9, 2), (6, 2)] {
            assert_eq!(collector.add(key, node, 0), None);
        }
        for (key, senders) in [(6, None), (7, None), (8, Some(vec![2, 3]))] {
            assert_eq!(ids(collector.clone().add(key, 3, 0)), senders, "{key}");
        }
        for key in [1, 2] {
            assert_eq!(ids(collector.add(key, 3, 0)), Some(vec![1, 3]), "node 1 lost nothing");
        }
    }

    #[test]
    fn a_key_that_is_remembered_no_more_is_not_handed_out_again() {
        let mut collector = Collector::new(Any, members(2), 2);
        for key in [3, 1, 5, 4] {
            assert!(collector.add(key, 1, 0).is_some());
        }
        for key in 1..=5 {
            assert_eq!(collector.add(key, 2, 0), None, "{key}");
        }
        assert!(collector.add(6, 2, 0).is_some());
    }

    #[test]
    fn a_key_that_is_open_outlasts_any_number_of_higher_ones() {
        let mut collector = Collector::new(Majority, members(3), 2);
        assert_eq!(collector.add(1, 1, 0), None);
        for key in 2..9 {
            assert_eq!(collector.add(key, 1, 0), None);
            assert_eq!(ids(collector.add(key, 2, 0)), Some(vec![1, 2]));
        }
        assert_eq!(ids(collector.add(1, 3, 0)), Some(vec![1, 3]));
        assert_eq!((collector.add(1, 1, 0), collector.add(1, 2, 0)), (None, None), "not twice");
    }

    #[test]
    fn what_is_below_a_forgotten_key_is_gone_and_ignored() {
        let mut collector = Collector::new(Majority, members(3), 4);
        for key in [1, 2, 3] {
            assert_eq!(collector.add(key, 1, 0), None);
        }
        collector.forget_below(&3);
        assert_eq!(held(&collector), 1);
        collector.forget_below(&2);
        assert_eq!((collector.add(2, 2, 0), collector.add(2, 3, 0)), (None, None));
        assert_eq!(ids(collector.add(3, 3, 0)), Some(vec![1, 3]), "3 is not below");
    }

    #[test]
    fn forgetting_makes_room_and_the_forgotten_key_itself_can_be_opened() {
        let mut collector = Collector::new(Any, members(1), 1);
        assert!(collector.add(1, 1, 0).is_some());
        collector.forget_below(&5);
        assert!(collector.add(6, 1, 0).is_some(), "1 needs no more room");
        assert!(collector.add(5, 1, 0).is_some());
    }

    proptest! {
        #[test]
        fn whatever_comes_a_key_is_handed_out_once_and_little_is_held(
            limit in 0..4_usize,
            messages in vec((0..6_u32, 0..12_u32, any::<bool>()), 0..200),
        ) {
            for system in some_systems() {
                let mut collector = Collector::new(&system, members(4), limit);
                let mut handed_out = BTreeSet::new();
                for (at, (node, key, forget)) in messages.iter().enumerate() {
                    if *forget && at % 16 == 0 {
                        collector.forget_below(key);
                    }
                    if let Some(items) = collector.add(*key, *node, at) {
                        prop_assert!(handed_out.insert(*key), "{key} is handed out twice");
                        let senders = items.iter().map(|(node, _)| *node).collect();
                        prop_assert!(system.is_quorum(&members(4), &senders));
                        for (node, at) in items {
                            prop_assert_eq!((node.get(), key), (messages[at].0, &messages[at].1));
                        }
                    }
                    prop_assert!(held(&collector) <= 4 * limit);
                    prop_assert!(collector.done.len() <= limit);
                }
            }
        }

        #[test]
        fn one_member_that_sends_anything_keeps_the_others_from_nothing(
            noise in vec(vec(0..40_u32, 0..9), 30),
        ) {
            let mut collector = Collector::new(Majority, members(4), 2);
            let mut handed_out = Vec::new();
            for (view, noise) in (0..).zip(noise) {
                let honest = [1, 2, 3].map(|node| (view, node));
                for (key, node) in noise.into_iter().map(|key| (key, 4)).chain(honest) {
                    handed_out.extend(collector.add(key, node, ()).map(|_| key));
                }
            }
            prop_assert_eq!(handed_out, (0..30).collect::<Vec<_>>());
        }
    }
}
