//! The server's side of the ordered stream.
//!
//! ```text
//!  HTTP/2 stream ──▶ client stream ──▶ handler that holds the turn ──reply──▶ HTTP/2 stream
//!                       └──────▶ released handlers ───────────reply───────▲
//! ```
//!
//! **Invariant:** handlers of one stream run in the order of their requests, one at a time, until
//! they return or release. **Invariant:** a server reads ahead of the turn up to a limit, and not at all
//! while a client does not take its replies, so what a client can make a server hold is bounded.

mod call;
mod client_stream;
mod node_stream;
mod replier;
mod service;
mod session;
mod waiting;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

pub use call::Call;
pub use replier::Replier;
pub use service::{Methods, Service};
pub use session::Requests;

use crate::error::ServeError;
use node_stream::NodeStream;
use service::Registry;

/// The largest message by default, for both sides: what gRPC accepts by default.
pub(crate) const MAX_MESSAGE_SIZE: usize = 4 * 1024 * 1024;

/// HTTP/2 windows and frames; the client's side explains them.
const WINDOW: u32 = 4 * 1024 * 1024;
const FRAME: u32 = 1024 * 1024;
/// How often an HTTP/2 ping asks whether a client is still there, and how long it may take.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

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
    registry: Registry,
    max_message_size: usize,
    drain_timeout: Duration,
}

impl Server {
    /// A server without any service yet.
    pub fn builder() -> Self {
        Self {
            registry: Registry::default(),
            max_message_size: MAX_MESSAGE_SIZE,
            drain_timeout: Duration::from_secs(10),
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
        service.register(&mut Methods(&mut self.registry));
        self
    }

    /// The largest message that is accepted or sent, in bytes. A larger request ends the stream of
    /// its client with a status, so no client should have a larger
    /// [`max_message_size`](crate::ManagerBuilder::max_message_size); a larger reply is replaced by
    /// a status; one in a session is refused to the handler. Default: 4 MiB.
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
        self.max_message_size = bytes;
        self
    }

    /// How long serving waits, once it is told to stop, for the handlers that still run. Default:
    /// 10 seconds.
    ///
    /// Handlers that take longer are left to the tokio runtime, and end with it or with their
    /// clients.
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

    /// Listens on an address and serves until the process ends.
    ///
    /// # Errors
    ///
    /// [`Listen`](ServeError::Listen) when the address can't be listened on,
    /// [`ClaimedTwice`](ServeError::ClaimedTwice) when two services have the same method,
    /// [`Serve`](ServeError::Serve) when the transport breaks.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait ends the listening. Clients that are connected are served on, until they
    /// go or the tokio runtime ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{ServeError, Server};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let error = server.serve(taken.local_addr()?).await.unwrap_err();
    /// assert!(matches!(error, ServeError::Listen(_)));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve(self, address: impl ToSocketAddrs) -> Result<(), ServeError> {
        self.serve_with_shutdown(address, std::future::pending()).await
    }

    /// Listens on an address and serves until `signal` completes, then stops as
    /// [`serve_with_listener`](Self::serve_with_listener) says.
    ///
    /// # Errors
    ///
    /// Those of [`serve`](Self::serve).
    ///
    /// # Cancel safety
    ///
    /// As for [`serve`](Self::serve): complete the signal where clients are to be left as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::Server;
    /// use tokio::sync::oneshot;
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (stop, told) = oneshot::channel::<()>();
    /// let signal = async { drop(told.await) }; // in a program: `tokio::signal::ctrl_c()`
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let serving = tokio::spawn(server.serve_with_shutdown("127.0.0.1:0", signal));
    ///
    /// stop.send(()).expect("the server waits for it");
    /// serving.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve_with_shutdown(
        self,
        address: impl ToSocketAddrs,
        signal: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let listener = TcpListener::bind(address).await.map_err(ServeError::Listen)?;
        self.serve_with_listener(listener, signal).await
    }

    /// Serves on a listener that is bound already, as a port chosen by the system needs it, until
    /// `signal` completes.
    ///
    /// Then no further request is begun, sessions are told by
    /// [`Requests::next`], and each connection closes when its running handlers have answered.
    /// Serving ends when all have closed, or after the [`drain_timeout`](Self::drain_timeout).
    ///
    /// # Errors
    ///
    /// Those of [`serve`](Self::serve), but for [`Listen`](ServeError::Listen).
    ///
    /// # Cancel safety
    ///
    /// As for [`serve`](Self::serve): complete the signal where clients are to be left as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{Manager, Server};
    /// use tokio::net::TcpListener;
    /// # use tokio::sync::oneshot;
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (stop, told) = oneshot::channel::<()>();
    /// # let signal = async { drop(told.await) };
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let address = listener.local_addr()?.to_string();
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let serving = tokio::spawn(server.serve_with_listener(listener, signal));
    ///
    /// let manager = Manager::builder().nodes([address]).build()?;
    /// manager.node(1)?.write(State::new(1, "hello")).await?;
    /// stop.send(()).expect("the server waits for it");
    /// serving.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve_with_listener(
        self,
        listener: TcpListener,
        signal: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        if let Some(method) = self.registry.claimed_twice() {
            return Err(ServeError::ClaimedTwice(method));
        }
        let drain = CancellationToken::new();
        let stream = NodeStream::new(Arc::new(self.registry), self.max_message_size, &drain);
        let signalled = async {
            signal.await;
            drain.cancel();
        };
        let overdue = async {
            drain.cancelled().await;
            tokio::time::sleep(self.drain_timeout).await;
        };
        let serving = tonic::transport::Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
            // Every path leads here: the ordered stream has one, and each session method.
            .add_routes(axum::Router::new().fallback_service(stream).into())
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                signalled,
            );
        tokio::select! { biased;
            result = serving => result.map_err(ServeError::Serve),
            () = overdue => {
                tracing::warn!(after = ?self.drain_timeout, "stopped with handlers still running");
                Ok(())
            }
        }
    }
}
