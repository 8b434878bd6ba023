use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Manager;
use crate::call::Context;
use crate::error::BuildError;
use crate::link::{self, Limits, Link};
use crate::node::Node;
use crate::quorum::NodeId;
use crate::server::MAX_MESSAGE_SIZE;
use crate::transport::Layers;

/// Names the nodes of a [`Manager`] and sets how it treats them.
///
/// ```
/// use std::time::Duration;
/// use quorum_runtime::Manager;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), quorum_runtime::BuildError> {
/// let manager = Manager::builder()
///     .node(7, "127.0.0.1:9007")
///     .node(9, "127.0.0.1:9009")
///     .timeout(Duration::from_secs(2))
///     .connect_timeout(Duration::from_secs(1))
///     .reconnect_wait(Duration::from_millis(20), Duration::from_millis(500))
///     .seed(7)
///     .build()?;
/// assert_eq!(manager.nodes()[0].id().get(), 7);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ManagerBuilder {
    nodes: Vec<(NodeId, String)>,
    timeout: Duration,
    pub(super) settings: link::Settings,
    seed: Option<u64>,
}

impl Default for ManagerBuilder {
    fn default() -> Self {
        let settings = link::Settings {
            limits: Limits { requests: 65_536, bytes: 64 * 1024 * 1024 },
            max_message_size: MAX_MESSAGE_SIZE,
            connect_timeout: Duration::from_secs(5),
            backoff_min: Duration::from_millis(50),
            backoff_max: Duration::from_secs(1),
            tls: link::Tls::default(),
            layers: Layers::default(),
        };
        Self { nodes: Vec::new(), timeout: Duration::from_secs(10), settings, seed: None }
    }
}

impl ManagerBuilder {
    /// Adds a node under an id of the application's own, at an address `host:port`.
    ///
    /// A host that is a name is looked up with each attempt to connect. A host of IPv6 stands in
    /// brackets: `[::1]:9001`.
    pub fn node(mut self, id: impl Into<NodeId>, address: impl Into<String>) -> Self {
        self.nodes.push((id.into(), address.into()));
        self
    }

    /// Adds a node for each address `host:port`, numbered on from the nodes that are there already:
    /// 1, 2, 3, …
    ///
    /// ```
    /// use quorum_runtime::Manager;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), quorum_runtime::BuildError> {
    /// let manager = Manager::builder().nodes(["one:9001", "two:9001"]).build()?;
    /// let ids = manager.nodes().iter().map(|node| node.id().get());
    /// assert_eq!(ids.collect::<Vec<_>>(), [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn nodes<A: Into<String>>(mut self, addresses: impl IntoIterator<Item = A>) -> Self {
        for address in addresses {
            let id = u32::try_from(self.nodes.len() + 1).unwrap_or(u32::MAX);
            self.nodes.push((id.into(), address.into()));
        }
        self
    }

    /// How long a call may take whose request does not say so itself, from the moment it is made.
    /// Default: 10 seconds. Sessions have no deadline.
    ///
    /// ```
    /// use std::time::Duration;
    /// use quorum_runtime::{Manager, NodeError};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limit = Duration::from_millis(50);
    /// let manager = Manager::builder().nodes([hung().await]).timeout(limit).build()?;
    /// let error = manager.node(1)?.read(()).await.unwrap_err();
    /// assert!(matches!(error.failure().error, NodeError::Deadline { .. }));
    /// assert!(error.to_string().ends_with("no reply within 50ms"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long one attempt to connect may take. Default: 5 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// The shortest and the longest wait before a further attempt to connect. The wait doubles with
    /// each failure and is shortened by chance to between half and all of itself, so that clients
    /// of a restarted node do not come back all at once (Brooker: Exponential Backoff and Jitter,
    /// 2015). A longest wait that is below the shortest counts as the shortest. Default: 50
    /// milliseconds and 1 second.
    ///
    /// A call to a node that can't be reached waits for the next attempt, so the longest wait is
    /// also how long it takes until such a node's part of a call fails.
    pub fn reconnect_wait(mut self, min: Duration, max: Duration) -> Self {
        self.settings.backoff_min = min;
        self.settings.backoff_max = max;
        self
    }

    /// What may wait for one node: the number of requests that wait to be sent or to be answered,
    /// and the bytes of those that wait to be sent. A request beyond either fails at once for this
    /// node, with [`NodeError::Overloaded`](crate::NodeError::Overloaded). Default: 65,536 requests
    /// and 64 MiB.
    ///
    /// ```
    /// use quorum_runtime::{Manager, NodeError};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(1).await).queue_limits(1, 1024).build()?;
    /// let node = manager.node(1)?;
    /// let (one, other) = (node.read(()), node.read(()));
    /// one.await?;
    /// let error = other.await.unwrap_err();
    /// assert!(matches!(error.failure().error, NodeError::Overloaded { requests: 1, .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn queue_limits(mut self, requests: usize, bytes: usize) -> Self {
        self.settings.limits = Limits { requests, bytes };
        self
    }

    /// The largest message that is sent or accepted, in bytes. Default: 4 MiB, which is also what a
    /// server accepts by default.
    ///
    /// A larger request fails alone, with [`NodeError::TooLarge`](crate::NodeError::TooLarge). A
    /// larger reply breaks the connection on which it comes, so a server's limit should not be
    /// above this.
    ///
    /// ```
    /// use quorum_runtime::{Manager, NodeError};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(1).await).max_message_size(1000).build()?;
    /// let large = State::new(1, &"x".repeat(1000));
    /// let error = manager.node(1)?.write(large).await.unwrap_err();
    /// assert!(matches!(error.failure().error, NodeError::TooLarge { limit: 1000, .. }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.settings.max_message_size = bytes;
        self
    }

    /// Makes the random part of the waits between attempts repeatable. Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Makes the manager. Nothing is connected yet. Its connections run on the tokio runtime in
    /// which this is called, as [`Manager`] says.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] when there is no node, when an id or an address is there twice, when an
    /// address is not `host:port`, when the TLS that was asked for can't be set up, or when this is called outside of a tokio runtime.
    pub fn build(self) -> Result<Manager, BuildError> {
        if self.nodes.is_empty() {
            return Err(BuildError::NoNodes);
        }
        self.refuse_duplicates()?;
        let runtime = Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let max_message_size = self.settings.max_message_size;
        let context = Arc::new(Context::new(self.timeout, max_message_size, runtime.clone()));
        let mut random = self.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let node = |(id, address): &(NodeId, String)| {
            let endpoint = link::endpoint(address, &self.settings)?;
            let link = Link::new(endpoint, &self.settings, random.fork(), runtime.clone());
            Ok(Node::new(*id, address, link, Arc::clone(&context)))
        };
        let nodes = self.nodes.iter().map(node).collect::<Result<Arc<[Node]>, BuildError>>()?;
        Ok(Manager { nodes, context })
    }

    fn refuse_duplicates(&self) -> Result<(), BuildError> {
        let mut ids = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for (node, address) in &self.nodes {
            if let Some(first) = ids.insert(*node, address) {
                let (first, second) = (first.clone(), address.clone());
                return Err(BuildError::DuplicateId { node: *node, first, second });
            }
            if let Some(first) = addresses.insert(address, *node) {
                let address = address.clone();
                return Err(BuildError::DuplicateAddress { address, first, second: *node });
            }
        }
        Ok(())
    }
}
