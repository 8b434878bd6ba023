use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::Context;
use crate::error::{BuildError, ConfigurationError};
use crate::link::{self, Link, Route};
use crate::node::{Node, WeakNode};
use crate::quorum::NodeId;
use crate::server::Local;

/// The id of this process among the nodes, and where its server is found.
pub(super) type LocalNode = (NodeId, Arc<Local>);

/// The nodes of one manager, which come and go.
///
/// **Invariant:** ids are unique among the nodes, and so are addresses.
#[derive(Debug)]
pub(super) struct Membership {
    settings: link::Settings,
    pub(super) context: Arc<Context>,
    /// Which of the nodes this process is, and where its server is found.
    pub(super) local: Option<LocalNode>,
    /// Tells this run of the process from the next.
    pub(super) incarnation: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// As named, then as added.
    nodes: Arc<[Node]>,
    /// Nodes that were removed, as long as somebody holds them: they are closed with the others.
    removed: Vec<WeakNode>,
    /// Each node's own generator comes from this one.
    random: fastrand::Rng,
    closed: bool,
}

impl Membership {
    pub(super) fn new(
        settings: link::Settings,
        random: fastrand::Rng,
        context: Arc<Context>,
        local: Option<LocalNode>,
        incarnation: u64,
    ) -> Self {
        let state = State { nodes: Arc::default(), removed: Vec::new(), random, closed: false };
        Self { settings, context, local, incarnation, state: Mutex::new(state) }
    }

    pub(super) fn nodes(&self) -> Arc<[Node]> {
        Arc::clone(&self.lock().nodes)
    }

    pub(super) fn add(&self, id: NodeId, address: &str) -> Result<Node, BuildError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.closed {
            return Err(BuildError::Closed);
        }
        let node = self.make(&state.nodes, &mut state.random, id, address)?;
        state.nodes = state.nodes.iter().cloned().chain([node.clone()]).collect();
        drop(guard);
        if self.local.is_some() {
            // Peers are connected from the start.
            node.link().connect();
        }
        self.context.news.changed();
        Ok(node)
    }

    /// Adds the nodes that a manager begins with.
    pub(super) fn add_all(&self, nodes: &[(NodeId, String)]) -> Result<(), BuildError> {
        let mut state = self.lock();
        let mut all = Vec::with_capacity(nodes.len());
        for (id, address) in nodes {
            let node = self.make(&all, &mut state.random, *id, address)?;
            all.push(node);
        }
        state.nodes = all.into();
        Ok(())
    }

    fn make(
        &self,
        others: &[Node],
        random: &mut fastrand::Rng,
        id: NodeId,
        address: &str,
    ) -> Result<Node, BuildError> {
        if let Some(first) = others.iter().find(|other| other.id() == id) {
            let (first, second) = (first.address().as_ref().to_owned(), address.to_owned());
            return Err(BuildError::DuplicateId { node: id, first, second });
        }
        let endpoint = self.endpoint(others, id, address)?;
        let route = match &self.local {
            Some((own, local)) if *own == id => Route::InProcess(Arc::clone(local) as _),
            _ => Route::Dial(Arc::new(endpoint)),
        };
        let link = Link::new(id, route, &self.settings, random.fork(), &self.context);
        Ok(Node::new(id, address, link, Arc::clone(&self.context)))
    }

    /// The endpoint for an address that no other node has.
    fn endpoint(
        &self,
        others: &[Node],
        id: NodeId,
        address: &str,
    ) -> Result<link::Endpoint, BuildError> {
        let is_there = |other: &&Node| other.id() != id && *other.address() == *address;
        if let Some(first) = others.iter().find(is_there) {
            let (address, first) = (address.to_owned(), first.id());
            return Err(BuildError::DuplicateAddress { address, first, second: id });
        }
        link::endpoint(address, &self.settings)
    }

    pub(super) fn remove(&self, id: NodeId) -> Result<Node, ConfigurationError> {
        let mut state = self.lock();
        let node = state.nodes.iter().find(|node| node.id() == id).cloned();
        let node = node.ok_or(ConfigurationError::UnknownNode(id))?;
        state.nodes = state.nodes.iter().filter(|node| node.id() != id).cloned().collect();
        state.removed.retain(WeakNode::is_held);
        state.removed.push(node.downgrade());
        drop(state);
        self.context.news.changed();
        Ok(node)
    }

    pub(super) fn relocate(&self, id: NodeId, address: &str) -> Result<Node, BuildError> {
        let state = self.lock();
        if state.closed {
            return Err(BuildError::Closed);
        }
        let node = state.nodes.iter().find(|node| node.id() == id).cloned();
        let node = node.ok_or(BuildError::UnknownNode(id))?;
        let endpoint = self.endpoint(&state.nodes, id, address)?;
        // With the lock held, so that the last of several moves is the one that counts.
        node.point_to(address, endpoint);
        drop(state);
        node.link().follow();
        Ok(node)
    }

    /// Closes the link to every node, also to those that were removed.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let removed = std::mem::take(&mut state.removed);
        let nodes = Arc::clone(&state.nodes);
        drop(state);
        for node in removed.iter().filter_map(WeakNode::upgrade).chain(nodes.iter().cloned()) {
            node.link().close();
        }
        self.context.news.changed();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    // A panic while the lock is held leaves whole values behind: nodes are replaced as one.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
