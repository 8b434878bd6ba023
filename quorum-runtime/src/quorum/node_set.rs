use std::iter::Copied;
use std::ops::{BitAnd, BitOr, Sub};
use std::slice;

use smallvec::SmallVec;

use super::NodeId;

/// Up to so many ids are held in place: several sets come and go with each call, and those of a small
/// group need no memory of their own.
const FEW: usize = 9;

/// A set of node ids, in ascending order.
///
/// On references, `|` is the union, `&` the intersection and `-` the difference.
///
/// ```
/// use quorum_runtime::NodeSet;
///
/// let members = NodeSet::from([3, 1, 2, 3]);
/// assert_eq!(members.len(), 3);
/// assert!(members.contains(2.into()));
///
/// let others = NodeSet::from([2, 4]);
/// assert_eq!(&members | &others, NodeSet::from([1, 2, 3, 4]));
/// assert_eq!(&members & &others, NodeSet::from([2]));
/// assert_eq!(&members - &others, NodeSet::from([1, 3]));
/// ```
// In ascending order: the sets are small, are read far more often than changed, and iterate in an
// order that does not differ between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeSet(SmallVec<[NodeId; FEW]>);

impl NodeSet {
    /// The set without any node.
    #[must_use]
    pub const fn new() -> Self {
        Self(SmallVec::new_const())
    }

    /// Adds a node, and says whether it was new.
    ///
    /// ```
    /// use quorum_runtime::NodeSet;
    ///
    /// let mut members = NodeSet::from([1, 3]);
    /// assert!(members.insert(2.into()));
    /// assert!(!members.insert(2.into()));
    /// assert_eq!(members, NodeSet::from([1, 2, 3]));
    /// ```
    pub fn insert(&mut self, node: NodeId) -> bool {
        if self.as_slice().last().is_none_or(|last| *last < node) {
            self.0.push(node);
            return true;
        }
        match self.as_slice().binary_search(&node) {
            Ok(_) => false,
            Err(at) => {
                self.0.insert(at, node);
                true
            }
        }
    }

    /// Removes a node, and says whether it was there.
    ///
    /// ```
    /// use quorum_runtime::NodeSet;
    ///
    /// let mut members = NodeSet::from([1, 2, 3]);
    /// assert!(members.remove(2.into()));
    /// assert!(!members.remove(2.into()));
    /// assert_eq!(members, NodeSet::from([1, 3]));
    /// ```
    pub fn remove(&mut self, node: NodeId) -> bool {
        match self.as_slice().binary_search(&node) {
            Ok(at) => {
                self.0.remove(at);
                true
            }
            Err(_) => false,
        }
    }

    /// Whether the node is in the set.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.as_slice().binary_search(&node).is_ok()
    }

    /// How many nodes are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set has no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The nodes in ascending order.
    ///
    /// ```
    /// use quorum_runtime::NodeSet;
    ///
    /// let ids = NodeSet::from([3, 1, 2]);
    /// assert!(ids.iter().map(|node| node.get()).eq([1, 2, 3]));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.as_slice().iter().copied()
    }

    /// The nodes in ascending order, to be cut into rows.
    pub(super) fn as_slice(&self) -> &[NodeId] {
        self.0.as_slice()
    }

    /// The nodes that are in either set.
    ///
    /// ```
    /// use quorum_runtime::NodeSet;
    ///
    /// assert_eq!(NodeSet::from([1, 3]).union(&[2, 3].into()), NodeSet::from([1, 2, 3]));
    /// ```
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other).collect()
    }

    /// The nodes that are in both sets.
    ///
    /// ```
    /// use quorum_runtime::NodeSet;
    ///
    /// assert_eq!(NodeSet::from([1, 2, 3]).intersection(&[3, 4].into()), NodeSet::from([3]));
    /// ```
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.iter().filter(|&node| other.contains(node)).collect())
    }

    /// The nodes of this set that are not in `other`.
    ///
    /// ```
    /// use quorum_runtime::NodeSet;
    ///
    /// assert_eq!(NodeSet::from([1, 2, 3]).difference(&[2].into()), NodeSet::from([1, 3]));
    /// ```
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.iter().filter(|&node| !other.contains(node)).collect())
    }

    /// How many nodes the two sets share.
    ///
    /// ```
    /// use quorum_runtime::NodeSet;
    ///
    /// assert_eq!(NodeSet::from([1, 2, 3]).common(&NodeSet::from([2, 3, 4])), 2);
    /// ```
    #[must_use]
    pub fn common(&self, other: &Self) -> usize {
        let (fewer, more) = if self.len() < other.len() { (self, other) } else { (other, self) };
        fewer.iter().filter(|&node| more.contains(node)).count()
    }

    /// Whether every node of this set is in `other`.
    ///
    /// ```
    /// use quorum_runtime::NodeSet;
    ///
    /// assert!(NodeSet::from([1, 3]).is_subset(&NodeSet::from([1, 2, 3])));
    /// assert!(!NodeSet::from([1, 4]).is_subset(&NodeSet::from([1, 2, 3])));
    /// ```
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.len() <= other.len() && self.iter().all(|node| other.contains(node))
    }

    /// Whether the sets share no node.
    ///
    /// ```
    /// use quorum_runtime::NodeSet;
    ///
    /// assert!(NodeSet::from([1, 2]).is_disjoint(&NodeSet::from([3])));
    /// assert!(!NodeSet::from([1, 2]).is_disjoint(&NodeSet::from([2, 3])));
    /// ```
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        !self.iter().any(|node| other.contains(node))
    }
}

impl BitOr<&NodeSet> for &NodeSet {
    type Output = NodeSet;

    fn bitor(self, other: &NodeSet) -> NodeSet {
        self.union(other)
    }
}

impl BitAnd<&NodeSet> for &NodeSet {
    type Output = NodeSet;

    fn bitand(self, other: &NodeSet) -> NodeSet {
        self.intersection(other)
    }
}

impl Sub<&NodeSet> for &NodeSet {
    type Output = NodeSet;

    fn sub(self, other: &NodeSet) -> NodeSet {
        self.difference(other)
    }
}

impl<N: Into<NodeId>> FromIterator<N> for NodeSet {
    fn from_iter<I: IntoIterator<Item = N>>(nodes: I) -> Self {
        let mut set = Self::new();
        set.extend(nodes);
        set
    }
}

impl<N: Into<NodeId>, const COUNT: usize> From<[N; COUNT]> for NodeSet {
    fn from(nodes: [N; COUNT]) -> Self {
        nodes.into_iter().collect()
    }
}

impl<N: Into<NodeId>> Extend<N> for NodeSet {
    fn extend<I: IntoIterator<Item = N>>(&mut self, nodes: I) {
        self.0.extend(nodes.into_iter().map(Into::into));
        if !self.0.is_sorted_by(|one, next| one < next) {
            self.0.sort_unstable();
            self.0.dedup();
        }
    }
}

impl<'a> IntoIterator for &'a NodeSet {
    type Item = NodeId;
    type IntoIter = Copied<slice::Iter<'a, NodeId>>;

    fn into_iter(self) -> Self::IntoIter {
        self.as_slice().iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::collections::hash_map::DefaultHasher;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    fn nodes_of(ids: &BTreeSet<u32>) -> NodeSet {
        ids.iter().copied().collect()
    }

    proptest! {
        #[test]
        fn the_operations_are_those_of_any_set(
            a in btree_set(0..24_u32, 0..18),
            b in btree_set(0..24_u32, 0..18),
        ) {
            let (one, other) = (nodes_of(&a), nodes_of(&b));
            prop_assert_eq!(&one | &other, nodes_of(&(&a | &b)));
            prop_assert_eq!(&one & &other, nodes_of(&(&a & &b)));
            prop_assert_eq!(&one - &other, nodes_of(&(&a - &b)));
            prop_assert_eq!(one.common(&other), (&a & &b).len());
            prop_assert_eq!(one.is_subset(&other), a.is_subset(&b));
            prop_assert_eq!(one.is_disjoint(&other), a.is_disjoint(&b));
        }

        #[test]
        fn a_set_grows_and_shrinks_over_the_number_that_is_held_in_place(
            steps in proptest::collection::vec((0..16_u32, any::<bool>()), 0..100),
        ) {
            let (mut set, mut expected) = (NodeSet::new(), BTreeSet::new());
            for (id, inserts) in steps {
                let changed = if inserts { set.insert(id.into()) } else { set.remove(id.into()) };
                prop_assert_eq!(changed, if inserts { expected.insert(id) } else { expected.remove(&id) });
                let fresh = nodes_of(&expected);
                prop_assert_eq!(&set, &fresh);
                prop_assert_eq!(set.len(), expected.len());
                let hash = |set: &NodeSet| BuildHasherDefault::<DefaultHasher>::default().hash_one(set);
                prop_assert_eq!(hash(&set), hash(&fresh));
            }
        }

        #[test]
        fn a_set_stays_sorted_and_without_doubles(
            first: Vec<u8>,
            then: Vec<u8>,
        ) {
            let mut set: NodeSet = first.iter().copied().map(u32::from).collect();
            set.extend(then.iter().copied().map(u32::from));
            let expected: BTreeSet<_> = first.into_iter().chain(then).map(u32::from).collect();
            let found: Vec<_> = (&set).into_iter().map(NodeId::get).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
