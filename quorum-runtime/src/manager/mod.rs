mod builder;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::select_all;

use crate::call::Context;
use crate::configuration::Configuration;
use crate::error::{ConfigurationError, NodeError, NodeFailure, NotReady};
use crate::node::Node;
use crate::quorum::{NodeId, NodeSet, QuorumSystem};
use crate::server::Local;

pub use builder::ManagerBuilder;

/// The connections of one client: the nodes it knows, each with one ordered stream.
///
/// A manager is a cheap value: clones share the connections. Each connection is opened by the first
/// call that needs it, or by [`ready`](Self::ready), and again whenever it breaks. It is closed
/// when the last manager, configuration, node and call that hold its node are gone.
///
/// # Runtime
///
/// Connections and deadlines run on the tokio runtime in which the manager was built, whichever
/// awaits its calls. That runtime needs I/O and time. Awaiting a call panics when its time is not
/// enabled, or when the runtime is gone.
///
/// # Examples
///
/// ```
/// use quorum_runtime::{Majority, Manager};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(3).await).build()?;
/// let register = manager.register(Majority)?; // adds the quorum functions of one service
/// register.write(State::new(1, "hello")).await?;
///
/// assert_eq!(manager.nodes().len(), 3);
/// assert_eq!(manager.node(2)?.read(()).await?.text, "hello"); // sent behind the write
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Manager {
    nodes: Arc<[Node]>,
    context: Arc<Context>,
    /// Where the server of this process is found, if the process is one of the nodes.
    local: Option<Arc<Local>>,
    incarnation: u64,
}

impl Manager {
    /// Names the nodes and sets what is to differ from the defaults.
    pub fn builder() -> ManagerBuilder {
        ManagerBuilder::default()
    }

    /// One node.
    ///
    /// # Errors
    ///
    /// [`UnknownNode`](ConfigurationError::UnknownNode) when the manager has no node with this id.
    pub fn node(&self, id: impl Into<NodeId>) -> Result<&Node, ConfigurationError> {
        let id = id.into();
        let node = self.nodes.iter().find(|node| node.id() == id);
        node.ok_or(ConfigurationError::UnknownNode(id))
    }

    /// All nodes, in the order in which they were named.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A configuration of all nodes. The specification holds the quorum functions of every service
    /// that is to be called; [`Majority`](crate::Majority) is one for services whose methods
    /// all have their default.
    ///
    /// The method that is generated for a service, `register` for a service `Register`, does the
    /// same and says at once where quorum functions are missing.
    ///
    /// # Errors
    ///
    /// None as long as the manager has a node, which its builder sees to.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(3).await).build()?;
    /// let register = manager.configuration(Majority)?;
    /// register.write(State::new(1, "hello")).await?;
    /// assert_eq!(register.members().len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn configuration<S>(&self, spec: S) -> Result<Configuration<S>, ConfigurationError> {
        Configuration::new(Arc::clone(&self.nodes), Arc::new(spec), Arc::clone(&self.context))
    }

    /// Waits until the connected nodes are a quorum of all nodes, connecting those that are not.
    ///
    /// Calls do not need it: they wait for their connections by themselves. It tells a wrong
    /// address or a missing server apart from a failing call, at the start of a program.
    ///
    /// # Errors
    ///
    /// When no quorum has connected within the manager's
    /// [`timeout`](ManagerBuilder::timeout): names each node that has not, with its cause.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait stops waiting; connecting goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use quorum_runtime::{All, Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder()
    ///     .nodes(servers(2).await)
    ///     .node(3, nobody())
    ///     .timeout(Duration::from_millis(200))
    ///     .build()?;
    /// manager.ready(&Majority).await?;
    /// let error = manager.ready(&All).await.unwrap_err();
    /// assert_eq!(error.failures()[0].node.get(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self, system: &impl QuorumSystem) -> Result<(), NotReady> {
        let within = self.context.timeout;
        let result = tokio::time::timeout(within, self.quorum_connected(system)).await;
        result.map_err(|_elapsed| self.not_ready(within))
    }

    /// Connects all nodes that are not.
    pub(crate) fn connect(&self) {
        self.nodes.iter().for_each(|node| node.link().connect());
    }

    pub(crate) fn local(&self) -> Option<&Arc<Local>> {
        self.local.as_ref()
    }

    /// Which of the nodes this process is.
    pub(crate) fn local_id(&self) -> Option<NodeId> {
        let local = self.nodes.iter().find(|node| node.link().is_in_process());
        local.map(Node::id)
    }

    /// The number that tells this run of the process from the next.
    pub(crate) const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    async fn quorum_connected(&self, system: &impl QuorumSystem) {
        let members: NodeSet = self.nodes.iter().map(Node::id).collect();
        let mut states: Vec<_> = self.nodes.iter().map(|node| node.link().watch()).collect();
        self.connect();
        loop {
            let connected = self.nodes.iter().zip(&mut states).filter_map(|(node, state)| {
                state.borrow_and_update().is_connected().then(|| node.id())
            });
            if system.is_quorum(&members, &connected.collect()) {
                return;
            }
            select_all(states.iter_mut().map(|state| state.changed().boxed())).await.0.ok();
        }
    }

    fn not_ready(&self, within: Duration) -> NotReady {
        let failure = |node: &Node| {
            let state = node.connection_state();
            (!state.is_connected()).then(|| NodeFailure {
                node: node.id(),
                address: node.address().into(),
                error: match state.into_error() {
                    Some(cause) => NodeError::Unreachable(cause),
                    None => NodeError::Deadline { after: within, connection: None },
                },
            })
        };
        let failures: Vec<_> = self.nodes.iter().filter_map(failure).collect();
        let members = self.nodes.len();
        NotReady { within, connected: members - failures.len(), members, failures }
    }
}
