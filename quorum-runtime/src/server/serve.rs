//! Serving, and stopping to serve.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, ToSocketAddrs};
use tonic::service::Routes;
use tonic::transport::server::{Connected, TcpIncoming};

use super::Server;
use super::connection::Connection;
use super::host::{Host, Stop};
use super::node_stream::NodeStream;
use crate::error::ServeError;
use crate::manager::Manager;
use crate::observe::Process;

/// HTTP/2 windows and frames; the client's side explains them.
const WINDOW: u32 = 4 * 1024 * 1024;
const FRAME: u32 = 1024 * 1024;
/// How often an HTTP/2 ping asks whether a client is still there, and how long it may take.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long serving waits for the tasks of what it has cut off.
const CUT_TIMEOUT: Duration = Duration::from_secs(1);

impl Server {
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
    /// Dropping the wait ends everything at once: connections are cut off, and handlers dropped where
    /// they wait.
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
    /// As for [`serve`](Self::serve): complete the signal to stop in good order.
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
    /// Serving ends when all have closed, or after the [`drain_timeout`](Self::drain_timeout), when
    /// what is left is cut off. No task of the server is left then.
    ///
    /// # Errors
    ///
    /// Those of [`serve`](Self::serve), but for [`Listen`](ServeError::Listen).
    ///
    /// # Cancel safety
    ///
    /// As for [`serve`](Self::serve): complete the signal to stop in good order.
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
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        self.serve_with_incoming(incoming, signal).await
    }

    /// Serves connections of any kind, until `signal` completes, as
    /// [`serve_with_listener`](Self::serve_with_listener) does.
    ///
    /// # Errors
    ///
    /// Those of [`serve`](Self::serve), but for [`Listen`](ServeError::Listen).
    ///
    /// # Cancel safety
    ///
    /// As for [`serve`](Self::serve).
    pub async fn serve_with_incoming<IO, E>(
        self,
        incoming: impl Stream<Item = Result<IO, E>> + Send,
        signal: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError>
    where
        IO: AsyncRead + AsyncWrite + Connected + Send + Unpin + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let drain_timeout = self.drain_timeout;
        let host = Arc::new(self.into_host()?);
        let stop = host.stop.clone();
        // Also when this future is dropped, nothing is left behind.
        let cut = stop.cut.clone().drop_guard();
        let local = host.manager.as_ref().and_then(Manager::local).map(|local| local.serve(&host));
        let signalled = async {
            signal.await;
            stop.drain.cancel();
            drop(local);
        };
        let connections = incoming.map(|io| io.map(|io| Connection::new(io, &stop)));
        let serving = transport()
            .add_routes(routes(host))
            .serve_with_incoming_shutdown(connections, signalled);
        let ended = async {
            let served = serving.await;
            stop.drain.cancel();
            stop.running.close();
            stop.running.wait().await;
            served.map_err(ServeError::Serve)
        };
        let overdue = async {
            stop.drain.cancelled().await;
            tokio::time::sleep(drain_timeout).await;
        };
        let mut ended = pin!(ended);
        tokio::select! { biased;
            result = &mut ended => return result,
            () = overdue => {}
        }
        tracing::warn!(after = ?drain_timeout, "stopped with handlers still running");
        drop(cut);
        // What was cut off ends at once, but for a handler that does not wait for anything.
        tokio::time::timeout(CUT_TIMEOUT, ended).await.unwrap_or(Ok(()))
    }

    fn into_host(self) -> Result<Host, ServeError> {
        if let Some(method) = self.registry.claimed_twice() {
            return Err(ServeError::ClaimedTwice(method));
        }
        let of_manager = self.manager.as_ref().map(Manager::incarnation);
        let incarnation = self.incarnation.or(of_manager);
        let incarnation = incarnation.unwrap_or_else(|| fastrand::Rng::new().u64(..));
        let node = self.manager.as_ref().and_then(Manager::local_id);
        Ok(Host {
            registry: self.registry,
            limits: self.limits,
            incarnation,
            manager: self.manager,
            clients: self.clients,
            stop: Stop::default(),
            scope: self.scope.at(Process { node, incarnation: Some(incarnation) }),
        })
    }
}

fn transport() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
}

/// Every path leads to the same place: the ordered stream has one, and each session method.
fn routes(host: Arc<Host>) -> Routes {
    axum::Router::new().fallback_service(NodeStream(host)).into()
}
