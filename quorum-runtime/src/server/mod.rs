//! The server's side of the ordered stream.
//!
//! ```text
//!  HTTP/2 stream ──▶ session ──▶ handler that holds the turn ──reply──▶ HTTP/2 stream
//!                       └──────▶ released handlers ───────────reply───────▲
//! ```
//!
//! **Invariant:** handlers of one stream run in the order of their requests, one at a time, until
//! they return or release. **Invariant:** a session reads ahead of the turn up to a limit, and not at all
//! while a client does not take its replies, so what a client can make a server hold is bounded.

mod call;
mod node_stream;
mod replier;
mod service;
mod session;
mod sessions;
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
pub use sessions::Requests;

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
/// Generated code gives each service `Storage` an adapter `StorageServer`:
///
/// ```text
/// Server::builder().service(StorageServer::new(Store::default())).serve("127.0.0.1:9001").await?;
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
    pub fn service(mut self, service: impl Service) -> Self {
        service.register(&mut Methods(&mut self.registry));
        self
    }

    /// The largest message that is accepted or sent, in bytes. A larger request ends the stream of
    /// its client with a status; a larger reply is replaced by one. Default: 4 MiB.
    pub fn max_message_size(mut self, bytes: usize) -> Self {
        self.max_message_size = bytes;
        self
    }

    /// How long handlers that run when the server is told to stop may go on. Default: 10 seconds.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Listens on an address and serves until the process ends.
    ///
    /// # Errors
    ///
    /// When the address can't be listened on, when the listener breaks, or when two services have the
    /// same method.
    pub async fn serve(self, address: impl ToSocketAddrs) -> Result<(), ServeError> {
        self.serve_with_shutdown(address, std::future::pending()).await
    }

    /// Listens on an address and serves until `signal` completes, then stops as
    /// [`serve_with_listener`](Self::serve_with_listener) says.
    ///
    /// # Errors
    ///
    /// When the address can't be listened on, when the listener breaks, or when two services have the
    /// same method.
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
    /// Then no further request is begun; each client's running handlers may finish and answer
    /// within the [`drain_timeout`](Self::drain_timeout), and the connections close.
    ///
    /// # Errors
    ///
    /// When the listener breaks, or when two services have the same method.
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
