use std::time::Duration;

use super::Manager;
use crate::error::{NodeError, NodeFailure, NotReady};
use crate::link::{ConnectionEvents, ConnectionState};
use crate::node::Node;
use crate::quorum::{NodeSet, QuorumSystem};

/// The connections, seen together.
impl Manager {
    /// Waits until the connected nodes are a quorum of all nodes, connecting those that are not.
    ///
    /// Calls do not need it: they wait for their connections by themselves. It tells a wrong
    /// address or a missing server apart from a failing call, at the start of a program.
    ///
    /// # Errors
    ///
    /// When no quorum has connected within the manager's
    /// [`timeout`](crate::ManagerBuilder::timeout), or the manager is closed: names each node that
    /// is not connected, with its cause.
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
        let within = self.0.context.timeout;
        let connected = self.wait_for(|nodes| self.0.is_closed() || are_connected(nodes, system));
        let in_time = tokio::time::timeout(within, connected).await.is_ok();
        if in_time && !self.0.is_closed() {
            return Ok(());
        }
        Err(not_ready(&self.0.nodes(), within))
    }

    /// Waits until a condition on the nodes holds, connecting those that are not connected.
    ///
    /// The condition is asked at once, and again whenever a connection to a node changes, a node is
    /// added or removed, or the manager is closed; each time it sees all nodes that the manager has
    /// then. A state that passes quickly may not be seen: [`events`](Self::events) tells each.
    ///
    /// There is no time limit: use `tokio::time::timeout`. [`ready`](Self::ready) has one, and says
    /// who is missing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait stops waiting; connecting goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::Manager;
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(3).await).node(4, nobody()).build()?;
    /// let connected = |nodes: &[quorum_runtime::Node]| {
    ///     nodes.iter().filter(|node| node.connection_state().is_connected()).count()
    /// };
    /// manager.wait_for(|nodes| connected(nodes) == 3).await;
    ///
    /// manager.remove_node(4)?;
    /// manager.wait_for(|nodes| connected(nodes) == nodes.len()).await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for(&self, mut condition: impl FnMut(&[Node]) -> bool) {
        // Before the first look, so that no change after it is missed.
        let mut changes = self.0.context.news.changes();
        loop {
            let nodes = self.0.nodes();
            nodes.iter().for_each(|node| node.link().connect());
            if condition(&nodes) {
                return;
            }
            drop(nodes);
            // Ends when the manager is gone, which is held here.
            changes.changed().await.ok();
        }
    }

    /// What happens to the connections from now on, as a stream: for a log, a display, or to begin
    /// something when a node comes back.
    ///
    /// It covers all nodes, those that are added later too, and a removed one until its connection
    /// is closed. To miss nothing, ask for events first and for the
    /// [states](Node::connection_state) then. It does not connect nodes.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{ConnectionState, Majority, Manager};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().node(1, nobody()).build()?;
    /// let mut events = manager.events();
    /// manager.node(1)?.read(()).await.unwrap_err();
    /// while let Some(event) = events.next().await {
    ///     match event {
    ///         Ok(event) => match event.state {
    ///             ConnectionState::Disconnected(cause) => {
    ///                 assert_eq!(cause.to_string(), "connection refused");
    ///                 break;
    ///             }
    ///             state => println!("node {} is {state}", event.node),
    ///         },
    ///         Err(missed) => println!("{missed}: look at the states of all nodes"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn events(&self) -> ConnectionEvents {
        self.0.context.news.events()
    }

    /// Closes the manager and all its clones: takes no more calls, sends what is queued and waits
    /// for its outcome, closes the connections, and returns when every task of the manager has
    /// ended.
    ///
    /// That takes up to 5 seconds, if a node does not answer or a session is not ended: what is left
    /// is cut off then. A call that is made afterwards ends with
    /// [`NodeError::Closed`]; so does every call to a node that was removed before,
    /// and to a configuration of such nodes. To close twice does no harm.
    ///
    /// A manager that is dropped instead closes each connection by itself, in the background, when
    /// nobody holds its node any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait stops waiting. Closing goes on, but sessions are not cut off.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager, NodeError};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(3).await).build()?;
    /// let register = manager.register(Majority)?;
    /// let write = register.write(State::new(1, "hello"));
    /// manager.close().await;
    /// write.await?; // it was made before
    ///
    /// let error = register.read(()).await.unwrap_err();
    /// assert!(matches!(error.failures()[0].error, NodeError::Closed));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(&self) {
        self.0.close();
        self.0.context.tasks.ended().await;
        self.0.context.news.end();
    }
}

fn are_connected(nodes: &[Node], system: &impl QuorumSystem) -> bool {
    let members: NodeSet = nodes.iter().map(Node::id).collect();
    let connected = nodes.iter().filter(|node| node.connection_state().is_connected());
    system.is_quorum(&members, &connected.map(Node::id).collect())
}

fn not_ready(nodes: &[Node], within: Duration) -> NotReady {
    let failure = |node: &Node| {
        let error = match node.connection_state() {
            ConnectionState::Connected => return None,
            ConnectionState::Disconnected(cause) => NodeError::Unreachable(cause),
            ConnectionState::Closed => NodeError::Closed,
            ConnectionState::Idle | ConnectionState::Connecting => {
                NodeError::Deadline { after: within, connection: None }
            }
        };
        Some(NodeFailure { node: node.id(), address: node.address(), error })
    };
    let failures: Vec<_> = nodes.iter().filter_map(failure).collect();
    let members = nodes.len();
    NotReady { within, connected: members - failures.len(), members, failures }
}
