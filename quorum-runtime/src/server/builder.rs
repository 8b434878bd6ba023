use std::time::Duration;

use super::claims::Claims;
use super::clients::Clients;
use super::intercept::{Chain, ServerInterceptor};
use super::limits::Limits;
use super::registry::Registry;
use super::routes::Added;
use super::service::Service;
use super::tls::Tls;
use super::transport::KeepAlive;
use crate::manager::Manager;
use crate::observe::{Observer, Scope};
use crate::surroundings;
use crate::transport::Layers;
use crate::wire::LARGEST_MESSAGE;

/// One node: serves the services added to it on one port.
///
/// # Examples
///
/// Generated code gives each service `Register` an adapter `RegisterServer`, around whatever
/// implements the trait `Register`:
///
/// ```
/// use quorum_runtime::{Manager, Server};
/// use tokio::net::TcpListener;
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?; // the system chooses the port
/// let address = listener.local_addr()?.to_string();
/// let server = Server::builder().service(RegisterServer::new(Replica::new()));
/// tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
///
/// let manager = Manager::builder().nodes([address]).build()?;
/// manager.node(1)?.write(State::new(1, "hello")).await?;
/// assert_eq!(manager.node(1)?.read(()).await?.text, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a server does nothing until it serves"]
pub struct Server {
    pub(super) registry: Registry,
    pub(super) limits: Limits,
    pub(super) drain_timeout: Duration,
    pub(super) manager: Option<Manager>,
    pub(super) clients: Clients,
    pub(super) incarnation: Option<u64>,
    pub(super) keep_alive: KeepAlive,
    pub(super) tls: Tls,
    pub(super) claims: Claims,
    pub(super) added: Added,
    pub(super) layers: Layers,
    pub(super) chain: Chain,
    pub(super) scope: Scope,
}

impl Server {
    /// A server without any service yet.
    pub fn builder() -> Self {
        Self {
            registry: Registry::default(),
            limits: Limits::default(),
            drain_timeout: Duration::from_secs(10),
            manager: None,
            clients: Clients::default(),
            incarnation: None,
            keep_alive: KeepAlive::default(),
            tls: Tls::default(),
            claims: Claims::default(),
            added: Added::default(),
            layers: Layers::default(),
            chain: Chain::default(),
            scope: Scope::default(),
        }
    }

    /// Adds a service: the generated adapter around its implementation.
    ///
    /// ```
    /// use quorum_runtime::{Call, Manager, Server, Status};
    ///
    /// #[quorum_macros::service]
    /// pub trait Health {
    ///     async fn is_well(&self, request: ()) -> bool;
    /// }
    ///
    /// struct Well;
    ///
    /// impl Health for Well {
    ///     async fn is_well(&self, _: Call, (): ()) -> Result<bool, Status> {
    ///         Ok(true)
    ///     }
    /// }
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = RegisterServer::new(Replica::new());
    /// let server = Server::builder().service(register).service(HealthServer::new(Well));
    /// let address = serving(server).await;
    /// let manager = Manager::builder().nodes([address]).build()?;
    /// assert!(manager.node(1)?.is_well(()).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn service(mut self, service: impl Service) -> Self {
        self.registry.add(service);
        self
    }

    /// Puts an interceptor around the handlers of all services, those that are added later included.
    /// The one that is added first is the outermost.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use quorum_runtime::{
    ///     IncomingRequest, Manager, Next, OutgoingReply, Server, ServerInterceptor, Status,
    /// };
    ///
    /// #[derive(Default)]
    /// struct Count(AtomicUsize);
    ///
    /// impl ServerInterceptor for Count {
    ///     async fn handle(
    ///         &self,
    ///         request: IncomingRequest,
    ///         next: Next<'_>,
    ///     ) -> Result<OutgoingReply, Status> {
    ///         self.0.fetch_add(1, Ordering::Relaxed);
    ///         next.run(request).await
    ///     }
    /// }
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let count = Arc::new(Count::default());
    /// let server = Server::builder()
    ///     .service(RegisterServer::new(Replica::new()))
    ///     .intercept(Arc::clone(&count));
    /// let manager = Manager::builder().nodes([serving(server).await]).build()?;
    /// manager.node(1)?.read(()).await?;
    /// assert_eq!(count.0.load(Ordering::Relaxed), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn intercept(mut self, interceptor: impl ServerInterceptor) -> Self {
        self.chain.add(interceptor);
        self
    }

    /// The largest message that is accepted or sent, in bytes. A larger request ends the stream of
    /// its client with a status, so no client should have a larger
    /// [`max_message_size`](crate::ManagerBuilder::max_message_size); a larger reply is replaced by
    /// a status; one in a session is refused to the handler. Default: 4 MiB. At most 4 GiB, as gRPC
    /// has no room for a larger length.
    ///
    /// ```
    /// use quorum_runtime::{Manager, NodeError, Server};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let address = serving(server.max_message_size(1000)).await;
    /// let manager = Manager::builder().nodes([address]).build()?;
    /// let large = State::new(1, &"x".repeat(1000));
    /// let error = manager.node(1)?.write(large).await.unwrap_err();
    /// assert!(matches!(error.failure().error, NodeError::Disconnected(_)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.limits.max_message_size = bytes.min(LARGEST_MESSAGE);
        self
    }

    /// The nodes that this server knows. Handlers call them by [`Call::peers`](crate::Call::peers).
    /// A manager that says which of them this process is,
    /// [`ManagerBuilder::local`](crate::ManagerBuilder::local), calls this server in process.
    ///
    /// [`Call::peers`](crate::Call::peers) has an example.
    pub fn peers(mut self, manager: &Manager) -> Self {
        self.manager = Some(manager.clone());
        self
    }

    /// The clients that will be connected and can be called back, for those who call them outside of
    /// a handler.
    #[must_use]
    pub fn clients(&self) -> Clients {
        self.clients.clone()
    }

    /// The number that tells this run of the process from the next, for example a count of its
    /// starts: clients see it as [`Node::incarnation`](crate::Node::incarnation). Default: that of
    /// the manager which [`peers`](Self::peers) was given, else random.
    pub fn incarnation(mut self, incarnation: u64) -> Self {
        self.incarnation = Some(incarnation);
        self
    }

    /// Sees what happens to the requests and handlers of this server, and to the calls to its
    /// [clients](Self::clients). Default: nobody, which costs nothing. A manager has
    /// [one of its own](crate::ManagerBuilder::observer).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use quorum_runtime::{EventLog, Manager, Server};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let log = Arc::new(EventLog::new(1000));
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let address = serving(server.observer(Arc::clone(&log))).await;
    /// Manager::builder().nodes([address]).build()?.node(1)?.read(()).await?;
    /// let kinds: Vec<_> = log.events().iter().map(|event| event.kind.to_string()).collect();
    /// assert_eq!(
    ///     kinds[..5],
    ///     ["caller_came", "received request", "handler_begun", "handler_ended", "sent reply"]
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.scope = Scope::new(observer);
        self
    }

    /// How long serving waits, once it is told to stop, for the handlers that still run. Default:
    /// 10 seconds.
    ///
    /// Handlers that take longer are dropped where they wait, and their connections cut.
    ///
    /// ```
    /// use std::time::Duration;
    /// use quorum_runtime::{Majority, Manager, Server};
    /// # use tokio::net::TcpListener;
    /// # use tokio::sync::oneshot;
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?.to_string();
    /// # let (stop, told) = oneshot::channel::<()>();
    /// # let told = async { drop(told.await) };
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let server = server.drain_timeout(Duration::from_millis(50));
    /// let serving = tokio::spawn(server.serve_with_listener(listener, told));
    ///
    /// let manager = Manager::builder().nodes([address]).build()?;
    /// let mut changes = manager.register(Majority)?.watch(()); // its handler never ends
    /// changes.next().await.expect("what the node holds")?;
    /// stop.send(()).expect("the server waits for it");
    /// serving.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    pub(super) fn incarnation_or_default(&self) -> u64 {
        let of_manager = self.manager.as_ref().map(Manager::incarnation);
        self.incarnation.or(of_manager).unwrap_or_else(|| surroundings::generator().u64(..))
    }
}
