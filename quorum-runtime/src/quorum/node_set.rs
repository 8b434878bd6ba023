use super::NodeId;

/// A set of node ids, in ascending order.
///
/// ```
/// use quorum_runtime::NodeSet;
///
/// let members = NodeSet::from([3, 1, 2, 3]);
/// assert_eq!(members.len(), 3);
/// assert!(members.contains(2.into()));
/// assert_eq!(members.difference(&NodeSet::from([2])), NodeSet::from([1, 3]));
/// ```
// A sorted vector: the sets are small, are read far more often than changed, and iterate in an
// order that does not differ between runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeSet(Vec<NodeId>);

impl NodeSet {
    /// The set without any node.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a node, and says whether it was new.
    pub fn insert(&mut self, node: NodeId) -> bool {
        match self.0.binary_search(&node) {
            Ok(_) => false,
            Err(at) => {
                self.0.insert(at, node);
                true
            }
        }
    }

    /// Removes a node, and says whether it was there.
    pub fn remove(&mut self, node: NodeId) -> bool {
        match self.0.binary_search(&node) {
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
        self.0.binary_search(&node).is_ok()
    }

    /// How many nodes are in the set.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set has no node.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The nodes in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.0.iter().copied()
    }

    /// The nodes of this set that are not in `other`.
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
        self.iter().filter(|&node| other.contains(node)).count()
    }
}

impl<N: Into<NodeId>> FromIterator<N> for NodeSet {
    fn from_iter<I: IntoIterator<Item = N>>(nodes: I) -> Self {
        let mut nodes: Vec<NodeId> = nodes.into_iter().map(Into::into).collect();
        nodes.sort_unstable();
        nodes.dedup();
        Self(nodes)
    }
}

impl<N: Into<NodeId>, const COUNT: usize> From<[N; COUNT]> for NodeSet {
    fn from(nodes: [N; COUNT]) -> Self {
        nodes.into_iter().collect()
    }
}
