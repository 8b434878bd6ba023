use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::membership::LocalNode;
use super::{Manager, Membership};
use crate::call::{ClientInterceptor, Context, Interceptors};
use crate::error::BuildError;
use crate::link::{self, Limits};
use crate::observe::{Observer, Process, Scope};
use crate::quorum::NodeId;
use crate::server::{CalledBack, Registry, Service};
use crate::surroundings;
use crate::wire::LARGEST_MESSAGE;

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
    incarnation: Option<u64>,
    local: Option<NodeId>,
    called_back: Registry,
    interceptors: Interceptors,
}

impl Default for ManagerBuilder {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            timeout: Duration::from_secs(10),
            settings: link::Settings::default(),
            seed: None,
            incarnation: None,
            local: None,
            called_back: Registry::default(),
            interceptors: Interceptors::default(),
        }
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
    /// let ids = manager.nodes().into_iter().map(|node| node.id().get());
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

    /// How often an HTTP/2 ping asks whether a node is still there, also while nothing is sent, and
    /// how long the node may take to answer before its connection counts as dead. Default: 5 seconds
    /// each, so a node that is gone in silence is noticed within 10.
    ///
    /// A node that is not one of ours, such as one of Gorums, is pinged every five minutes at most once
    /// that is known of it: servers of gRPC end a connection that pings more often.
    ///
    /// ```
    /// use std::time::Duration;
    /// use quorum_runtime::Manager;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), quorum_runtime::BuildError> {
    /// let soon = Duration::from_millis(500);
    /// Manager::builder().nodes(["one:9001"]).keep_alive(soon, soon).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.settings.keep_alive = interval;
        self.settings.keep_alive_timeout = timeout;
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
    /// and what those that wait to be sent take in memory, in bytes: each its encoded size, 256 bytes,
    /// and 96 for each entry of its metadata. A request beyond either fails at once for this node,
    /// with [`NodeError::Overloaded`](crate::NodeError::Overloaded). Default: 16,384 requests and
    /// 64 MiB.
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
        self.settings.max_message_size = bytes.min(LARGEST_MESSAGE);
        self
    }

    /// Says that this process is one of the nodes: the one with this id. Calls to it need no
    /// network; they go to the server that is given the manager by
    /// [`Server::peers`](crate::Server::peers), in the order of the calls and in their turn like those
    /// of any other client, and wait until it serves.
    ///
    /// The other nodes are told the id, and all of them are connected from the start, so that
    /// [`Call::peers`](crate::Call::peers) finds them.
    ///
    /// ```
    /// use quorum_runtime::{Majority, Manager, Server};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let others = servers(1).await;
    /// let manager = Manager::builder()
    ///     .node(1, "127.0.0.1:9001") // this process
    ///     .node(2, &others[0])
    ///     .node(3, nobody())
    ///     .local(1)
    ///     .build()?;
    /// let server = Server::builder()
    ///     .service(RegisterServer::new(Replica::new()))
    ///     .peers(&manager);
    /// # tokio::spawn(server.serve("127.0.0.1:0"));
    /// # let listening = "tokio::spawn(server.serve(manager.node(1)?.address()));";
    /// manager.register(Majority)?.write(State::new(1, "hello")).await?; // this process and node 2
    /// # Ok(())
    /// # }
    /// ```
    pub fn local(mut self, id: impl Into<NodeId>) -> Self {
        self.local = Some(id.into());
        self
    }

    /// Adds a service that the nodes may call, over the connections that this manager opens: see
    /// [`Clients`](crate::Clients). A process that is a node itself has a server for that. An
    /// interceptor is put around it by [`Intercepted`](crate::Intercepted).
    pub fn service(mut self, service: impl Service) -> Self {
        self.called_back.add(service);
        self
    }

    /// Lets all calls of the manager pass through this interceptor, those to a single node and the
    /// opening of sessions included. The one that is added first is the outermost.
    ///
    /// ```
    /// use quorum_runtime::{Manager, OutgoingRequest, Status};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let token = "secret".parse::<quorum_runtime::metadata::AsciiMetadataValue>()?;
    /// let manager = Manager::builder()
    ///     .nodes(servers(1).await)
    ///     .intercept(move |request: &mut OutgoingRequest<'_>| {
    ///         request.metadata_mut().insert("authorization", token.clone());
    ///         Ok::<(), Status>(())
    ///     })
    ///     .build()?;
    /// manager.node(1)?.read(()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn intercept(mut self, interceptor: impl ClientInterceptor) -> Self {
        self.interceptors.add(interceptor);
        self
    }

    /// The number that tells this run of the process from the next, for example a count of its
    /// starts. Default: random.
    pub fn incarnation(mut self, incarnation: u64) -> Self {
        self.incarnation = Some(incarnation);
        self
    }

    /// Sees what happens to the calls and connections of this manager, and in the handlers of its
    /// [services](Self::service). Default: nobody, which costs nothing.
    ///
    /// [`Observer`] has an example; [`Tracing`](crate::Tracing), `Metrics` and
    /// [`EventLog`](crate::EventLog) are some. A server has [one of its own](crate::Server::observer).
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.settings.scope = Scope::new(observer);
        self
    }

    /// Makes the random part of the waits between attempts repeatable. Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Makes the manager. Nothing is connected yet. Its connections run on the tokio runtime in
    /// which this is called, as [`Manager`] says. A manager without nodes is none to make calls
    /// with; nodes can be [added](Manager::add_node) later.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] when an id or an address is there twice, when an address is not `host:port`,
    /// when the TLS that was asked for can't be set up, or when this is called outside of a tokio
    /// runtime.
    pub fn build(self) -> Result<Manager, BuildError> {
        let runtime = Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let mut random = self.seed.map_or_else(surroundings::generator, fastrand::Rng::with_seed);
        let incarnation = self.incarnation.unwrap_or_else(|| random.u64(..));
        let local = self.local_node()?;
        let settings = self.link_settings(local.as_ref(), incarnation)?;
        let mut context = Context::new(self.timeout, settings.max_message_size, runtime);
        context.interceptors = self.interceptors.clone();
        let context = Arc::new(context.observed(settings.scope.clone()));
        let membership = Membership::new(settings, random, context, local, incarnation);
        membership.add_all(&self.nodes)?;
        let manager = Manager(Arc::new(membership));
        if manager.local().is_some() {
            manager.connect();
        }
        Ok(manager)
    }

    fn local_node(&self) -> Result<Option<LocalNode>, BuildError> {
        let Some(id) = self.local else {
            return Ok(None);
        };
        if !self.nodes.iter().any(|(node, _)| *node == id) {
            return Err(BuildError::NoLocalNode(id));
        }
        Ok(Some((id, Arc::default())))
    }

    fn link_settings(
        &self,
        local: Option<&LocalNode>,
        incarnation: u64,
    ) -> Result<link::Settings, BuildError> {
        let mut settings = self.settings.clone();
        settings.hello.incarnation = Some(incarnation);
        let node = local.map(|(id, _)| *id);
        let scope = surroundings::observed(settings.scope, incarnation);
        settings.scope = scope.at(Process { node, incarnation: Some(incarnation) });
        if let Some(method) = self.called_back.claimed_twice() {
            return Err(BuildError::ClaimedTwice(method));
        }
        let serves = !self.called_back.is_empty();
        match local {
            Some((id, _)) if serves => return Err(BuildError::ServicesOfNode(*id)),
            Some((id, local)) => {
                settings.hello.node_id = Some(*id);
                settings.callee = Some(Arc::clone(local) as _);
            }
            None if serves => {
                settings.hello.node_id = Some(0.into());
                let methods = self.called_back.clone();
                let (limit, scope) = (settings.max_message_size, settings.scope.clone());
                let callee = CalledBack::new(methods, limit, incarnation, scope);
                settings.callee = Some(Arc::new(callee));
            }
            None => {}
        }
        Ok(settings)
    }
}
