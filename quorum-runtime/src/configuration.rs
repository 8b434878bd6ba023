use std::fmt;
use std::sync::Arc;

use prost::Message;
use tonic::IntoRequest;

use crate::call::{Context, Direction, Method, OneWay, QuorumCall, start};
use crate::error::ConfigurationError;
use crate::node::Node;
use crate::quorum::{NodeId, NodeSet, Replies, Verdict};

/// A group of nodes that are called together, with the quorum functions that decide.
///
/// The **members** are the nodes over which quorums are counted. `S` is the specification: it
/// implements the generated `…QuorumSpec` of each service that is called. The calls of a service
/// come with its generated trait: with `use storage::StorageConfiguration as _` in scope,
/// `storage.read(request)` calls all nodes.
///
/// A configuration is a cheap value: a clone shares the specification and the connections.
/// Configurations of one manager may overlap, and share the connections of their nodes.
pub struct Configuration<S> {
    members: Arc<NodeSet>,
    nodes: Arc<[Node]>,
    spec: Arc<S>,
    context: Arc<Context>,
}

impl<S> Configuration<S> {
    pub(crate) fn new(
        nodes: Arc<[Node]>,
        spec: Arc<S>,
        context: Arc<Context>,
    ) -> Result<Self, ConfigurationError> {
        if nodes.is_empty() {
            return Err(ConfigurationError::Empty);
        }
        let members = Arc::new(nodes.iter().map(Node::id).collect());
        Ok(Self { members, nodes, spec, context })
    }

    /// The nodes over which quorums are counted.
    #[must_use]
    pub fn members(&self) -> &NodeSet {
        &self.members
    }

    /// The nodes of this configuration, in the order in which the manager was given them.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The quorum functions.
    #[must_use]
    pub fn spec(&self) -> &S {
        &self.spec
    }

    /// A configuration of these nodes of this one, with the same specification.
    ///
    /// This changes what a quorum is: a majority of the result is a majority of *its* members, and
    /// need not share a node with a majority of this configuration.
    ///
    /// # Errors
    ///
    /// When no node is named, or one that this configuration does not have.
    pub fn with_members<N: Into<NodeId>>(
        &self,
        members: impl IntoIterator<Item = N>,
    ) -> Result<Self, ConfigurationError> {
        let members: NodeSet = members.into_iter().collect();
        if let Some(unknown) = members.iter().find(|&node| !self.members.contains(node)) {
            return Err(ConfigurationError::UnknownNode(unknown));
        }
        let nodes = self.nodes.iter().filter(|node| members.contains(node.id())).cloned().collect();
        Self::new(nodes, Arc::clone(&self.spec), Arc::clone(&self.context))
    }

    pub(crate) fn quorum_call<Q, R, T>(
        &self,
        method: Method,
        request: impl IntoRequest<Q>,
        function: impl Fn(&S, &Q, &Replies<R>) -> Verdict<T> + Send + 'static,
    ) -> QuorumCall<Q, R, T>
    where
        Q: Message,
        S: Send + Sync + 'static,
    {
        let (request, gather) = self.start(method, request, Direction::TwoWay);
        let spec = Arc::clone(&self.spec);
        QuorumCall::new(request, Arc::clone(&self.members), gather, move |request, replies| {
            function(&spec, request, replies)
        })
    }

    pub(crate) fn multicast<Q: Message>(
        &self,
        method: Method,
        request: impl IntoRequest<Q>,
    ) -> OneWay {
        OneWay::new(self.start(method, request, Direction::OneWay).1)
    }

    fn start<Q: Message>(
        &self,
        method: Method,
        request: impl IntoRequest<Q>,
        direction: Direction,
    ) -> (Q, crate::call::Gather) {
        let targets = Arc::clone(&self.nodes);
        start(&self.context, targets, method, request.into_request(), direction)
    }
}

impl<S> Clone for Configuration<S> {
    fn clone(&self) -> Self {
        Self {
            members: Arc::clone(&self.members),
            nodes: Arc::clone(&self.nodes),
            spec: Arc::clone(&self.spec),
            context: Arc::clone(&self.context),
        }
    }
}

impl<S> fmt::Debug for Configuration<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration").field("members", &self.members).finish_non_exhaustive()
    }
}
