use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use prost::Message;
use tonic::IntoRequest;

use crate::call::{Context, Gather, Method, OneWay, Rpc, Session, start};
use crate::link::{ConnectionState, Endpoint, Link, Losses};
use crate::quorum::NodeId;

/// One server process, as a client sees it.
///
/// Made by a [`Manager`](crate::Manager); a clone is a cheap handle on the same connection. The
/// calls of a service come with its generated trait: with `use register::RegisterNode as _` in
/// scope, `node.swap(request)` calls this node alone. So can the calls that are made to a group,
/// but for those whose nodes reply several times.
///
/// ```
/// use quorum_runtime::{ConnectionState, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(3).await).build()?;
/// let node = manager.node(2)?;
/// println!("node {} is at {}", node.id(), node.address());
/// assert!(matches!(node.connection_state(), ConnectionState::Idle));
/// assert_eq!(node.latency(), None);
///
/// node.swap(State::new(1, "hello")).await?;
/// assert_eq!(node.read(()).await?.text, "hello");
/// assert!(node.connection_state().is_connected());
/// assert!(node.latency().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Node(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: NodeId,
    address: Mutex<Arc<str>>,
    link: Link,
    context: Arc<Context>,
}

impl Node {
    pub(crate) fn new(id: NodeId, address: &str, link: Link, context: Arc<Context>) -> Self {
        Self(Arc::new(Inner { id, address: Mutex::new(address.into()), link, context }))
    }

    /// The number that the application gave to this node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.0.id
    }

    /// The address of the node, as it was given to the manager, at first or when the node
    /// [was moved](crate::Manager::move_node).
    #[must_use]
    pub fn address(&self) -> Arc<str> {
        Arc::clone(&self.0.address.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How the connection to the node stands at this moment. Sessions have others.
    #[must_use]
    pub fn connection_state(&self) -> ConnectionState {
        self.0.link.state()
    }

    /// What the node takes to reply: a moving average over samples of the requests to it, handlers
    /// included; a request that has waited longer than that counts with its wait. `None` until it
    /// has replied once.
    ///
    /// The newest sample has a weight of 1/8, as in the round trips of TCP (Jacobson, 1988).
    #[must_use]
    pub fn latency(&self) -> Option<Duration> {
        self.0.link.latency()
    }

    /// The number by which the node's process tells one of its runs from the next, as the last
    /// connection saw it: when it changes, the node was restarted. `None` until the node has answered
    /// once, and of nodes that do not tell.
    ///
    /// The time between the two numbers is called an incarnation in the literature on failure
    /// detectors (Das, Gupta and Motivala: SWIM, 2002).
    #[must_use]
    pub fn incarnation(&self) -> Option<u64> {
        self.0.link.incarnation()
    }

    /// What became of the one-way messages to this node that did not arrive, as far as that is known.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.0.link.losses()
    }

    /// Waits until the queue of this node has room for one more request, or its link is closed.
    ///
    /// Calls never wait: a request that finds no room fails at once, for this node, with
    /// [`NodeError::Overloaded`](crate::NodeError::Overloaded). This is for those who send more
    /// than a node takes and would rather wait. Room is a moment's: another caller may take it
    /// first, and a request of many bytes may find too little, so the call can fail all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing; it holds no place in a line.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::Manager;
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(1).await).queue_limits(10, 10_000).build()?;
    /// let node = manager.node(1)?;
    /// for version in 1..=1000 {
    ///     node.ready().await;
    ///     drop(node.repair(State::new(version, ""))); // nobody waits for it
    /// }
    /// node.ready().await;
    /// assert_eq!(node.read(()).await?.version, 1000);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self) {
        self.link().room().await;
    }

    /// Says where the node is from now on. [`Link::follow`] makes its connection go there.
    pub(crate) fn point_to(&self, address: &str, endpoint: Endpoint) {
        *self.0.address.lock().unwrap_or_else(PoisonError::into_inner) = address.into();
        self.link().point_to(endpoint);
    }

    pub(crate) fn downgrade(&self) -> WeakNode {
        WeakNode(Arc::downgrade(&self.0))
    }

    pub(crate) fn link(&self) -> &Link {
        &self.0.link
    }

    pub(crate) fn rpc<Q: Message, R>(
        &self,
        method: Method,
        request: impl IntoRequest<Q>,
    ) -> Rpc<R> {
        Rpc::new(self.start(method, request))
    }

    pub(crate) fn unicast<Q: Message>(
        &self,
        method: Method,
        request: impl IntoRequest<Q>,
    ) -> OneWay {
        OneWay::new(self.start(method, request))
    }

    pub(crate) fn session<Q: Message, R: Message + Default + 'static>(
        &self,
        method: Method,
    ) -> Session<Q, R> {
        Session::open(&self.0.context, self.clone(), method)
    }

    fn start<Q: Message>(&self, method: Method, request: impl IntoRequest<Q>) -> Gather {
        let target = Arc::from([self.clone()]);
        start(&self.0.context, target, method, request.into_request(), None, None).1
    }
}

/// A node that somebody else may hold.
#[derive(Debug)]
pub(crate) struct WeakNode(Weak<Inner>);

impl WeakNode {
    pub(crate) fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }

    pub(crate) fn upgrade(&self) -> Option<Node> {
        self.0.upgrade().map(Node)
    }
}
