use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tonic::IntoRequest;

use crate::call::{Context, Gather, Method, OneWay, Rpc, Session, start};
use crate::link::{ConnectionState, Link, Losses};
use crate::quorum::NodeId;

/// One server process, as a client sees it.
///
/// Made by a [`Manager`](crate::Manager); a clone is another handle on the same connection. The
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
    address: Arc<str>,
    link: Link,
    context: Arc<Context>,
}

impl Node {
    pub(crate) fn new(id: NodeId, address: &str, link: Link, context: Arc<Context>) -> Self {
        Self(Arc::new(Inner { id, address: address.into(), link, context }))
    }

    /// The number that the application gave to this node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.0.id
    }

    /// The address of the node, as it was given to the manager.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.0.address
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
