mod builder;
mod connections;
mod edge;
mod membership;

use std::sync::Arc;

use crate::configuration::Configuration;
use crate::error::{BuildError, ConfigurationError};
use crate::node::Node;
use crate::quorum::NodeId;
use crate::server::Local;

use membership::Membership;

pub use builder::ManagerBuilder;

/// The connections of one client: the nodes it knows, each with one ordered stream.
///
/// A manager is a cheap value: clones share the nodes and their connections. Each connection is
/// opened by the first call that needs it, or by [`ready`](Self::ready), and again whenever it
/// breaks. It is closed when the last manager, configuration, node and call that hold its node are
/// gone, or all are by [`close`](Self::close).
///
/// Nodes can be [added](Self::add_node), [removed](Self::remove_node) and
/// [moved](Self::move_node) at any time.
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
pub struct Manager(Arc<Membership>);

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
    pub fn node(&self, id: impl Into<NodeId>) -> Result<Node, ConfigurationError> {
        let id = id.into();
        let nodes = self.0.nodes();
        let node = nodes.iter().find(|node| node.id() == id);
        node.cloned().ok_or(ConfigurationError::UnknownNode(id))
    }

    /// All nodes at this moment: as they were named, then as they were added.
    #[must_use]
    pub fn nodes(&self) -> Vec<Node> {
        self.0.nodes().to_vec()
    }

    /// Adds a node under an id of the application's own, at an address `host:port`.
    ///
    /// Its connection is opened by the first call, as all are. Configurations that were made before
    /// stay as they are: what a quorum is changes only where a configuration is made anew. An id
    /// that was [removed](Self::remove_node) can be used again, for another process too, as far as
    /// the manager goes; whether your protocol allows that is another question.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] when a node of the manager has this id or this address, when the address is
    /// not `host:port`, or when the manager is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{BuildError, Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let another = servers(1).await.remove(0);
    /// let manager = Manager::builder().nodes(servers(3).await).build()?;
    /// let three = manager.register(Majority)?;
    /// manager.add_node(4, another)?;
    /// let four = manager.register(Majority)?;
    /// assert_eq!((three.members().len(), four.members().len()), (3, 4));
    ///
    /// let error = manager.add_node(4, "elsewhere:9004").unwrap_err();
    /// assert!(matches!(error, BuildError::DuplicateId { .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_node(
        &self,
        id: impl Into<NodeId>,
        address: impl AsRef<str>,
    ) -> Result<Node, BuildError> {
        self.0.add(id.into(), address.as_ref())
    }

    /// Forgets a node, and gives it to whoever has a last word for it.
    ///
    /// Configurations and handles that hold the node go on working. Its connection closes when the
    /// last of them is gone: what is queued is still sent, for up to 5 seconds.
    ///
    /// # Errors
    ///
    /// [`UnknownNode`](ConfigurationError::UnknownNode) when the manager has no node with this id.
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
    /// let three = manager.register(Majority)?;
    /// manager.remove_node(3)?;
    /// let two = manager.register(Majority)?;
    /// assert_eq!((three.members().len(), two.members().len()), (3, 2));
    /// three.write(State::new(1, "hello")).all().await?; // node 3 is called as before
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove_node(&self, id: impl Into<NodeId>) -> Result<Node, ConfigurationError> {
        self.0.remove(id.into())
    }

    /// Says that a node is at another address `host:port` from now on: the same member of your
    /// protocol, started elsewhere with what it had stored.
    ///
    /// The node keeps its id, its queue and every handle and configuration that has it. Its
    /// connection to the old address is left, and one to the new address is opened in its place.
    /// Requests that were handed to the old connection end with
    /// [`Disconnected`](crate::NodeError::Disconnected), or are sent again where their methods
    /// allow that; those that wait in the queue go to the new address, in order. Sessions stay
    /// where they are. To move a node to where it is does nothing.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] when the manager has no node with this id, when another node has this
    /// address, when the address is not `host:port`, or when the manager is closed. The node stays
    /// where it was.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::Manager;
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let elsewhere = servers(1).await.remove(0);
    /// let manager = Manager::builder().nodes(servers(3).await).build()?;
    /// let node = manager.node(3)?;
    /// manager.move_node(3, &elsewhere)?;
    /// assert_eq!(*node.address(), *elsewhere);
    /// node.write(State::new(1, "hello")).await?; // is sent there
    /// # Ok(())
    /// # }
    /// ```
    pub fn move_node(
        &self,
        id: impl Into<NodeId>,
        address: impl AsRef<str>,
    ) -> Result<Node, BuildError> {
        self.0.relocate(id.into(), address.as_ref())
    }

    /// A configuration of all nodes that there are at this moment; it stays so when nodes come and
    /// go. The specification holds the quorum functions of every service
    /// that is to be called; [`Majority`](crate::Majority) is one for services whose methods
    /// all have their default.
    ///
    /// The method that is generated for a service, `register` for a service `Register`, does the
    /// same and says at once where quorum functions are missing.
    ///
    /// # Errors
    ///
    /// [`Empty`](ConfigurationError::Empty) when the manager has no nodes.
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
        Configuration::new(self.0.nodes(), Arc::new(spec), Arc::clone(&self.0.context))
    }

    /// Connects all nodes that are not.
    pub(crate) fn connect(&self) {
        self.0.nodes().iter().for_each(|node| node.link().connect());
    }

    /// Where the server of this process is to be found, if the process is one of the nodes.
    pub(crate) fn local(&self) -> Option<&Arc<Local>> {
        self.0.local.as_ref().map(|(_, local)| local)
    }

    /// Which of the nodes this process is.
    pub(crate) fn local_id(&self) -> Option<NodeId> {
        self.0.local.as_ref().map(|(id, _)| *id)
    }

    /// The number that tells this run of the process from the next.
    pub(crate) fn incarnation(&self) -> u64 {
        self.0.incarnation
    }
}
