use std::fmt;

/// The number that an application gives to one server process.
///
/// Ids are chosen by the application and mean the same node to everyone who uses them: a list of
/// addresses is numbered from 1, and [`ManagerBuilder::node`](crate::ManagerBuilder::node) sets any
/// other. A node with id 0 can be called like any other, but 0 stands for "anonymous" in the
/// handshake of the wire, so a node that wants to be called back by its peers needs another one.
///
/// ```
/// use quorum_runtime::NodeId;
///
/// let node = NodeId::from(7);
/// assert_eq!(node.get(), 7);
/// assert_eq!(node.to_string(), "7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The id as a plain number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl From<u32> for NodeId {
    fn from(id: u32) -> Self {
        Self(id)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
