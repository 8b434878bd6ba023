//! Serving, and stopping to serve.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::Semaphore;
use tonic::transport::server::{Connected, TcpIncoming};

use super::Server;
use super::connection::Connection;
use super::host::Host;
use super::node_stream::NodeStream;
use super::routes::Added;
use super::stop::Stop;
use crate::error::ServeError;
use crate::manager::Manager;
use crate::observe::Process;
use crate::surroundings;
use crate::transport::Layers;

/// How long serving waits for the tasks of what it has cut off.
const CUT_TIMEOUT: Duration = Duration::from_secs(1);

impl Server {
    /// Listens on an address and serves until the process ends.
    ///
    /// # Errors
    ///
    /// [`Listen`](ServeError::Listen) when the address can't be listened on,
    /// [`ClaimedTwice`](ServeError::ClaimedTwice) and [`ServiceTwice`](ServeError::ServiceTwice)
    /// when two services have the same method or name,
    /// [`Tls`](ServeError::Tls) when the `tls_config` can't be used,
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
        #[cfg(feature = "sim")]
        if let Some(here) = crate::sim::here() {
            let port = surroundings::port(address).await.map_err(ServeError::Listen)?;
            let incoming = here.listen(port).await.map_err(ServeError::Listen)?;
            return self.serve_with_incoming(incoming, signal).await;
        }
        let listener = TcpListener::bind(address).await.map_err(ServeError::Listen)?;
        self.serve_with_listener(listener, signal).await
    }

    /// Serves on a listener that is bound already, as a port chosen by the system needs it, until
    /// `signal` completes.
    ///
    /// Then no further request is begun, sessions are told by
    /// [`Requests::next`](crate::Requests::next), and each connection closes when its running handlers
    /// have answered. Serving ends when all have closed, or after the
    /// [`drain_timeout`](Self::drain_timeout), when what is left is cut off. No task of the server is
    /// left then.
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
        self.check_names()?;
        let transport = self.transport()?;
        let drain_timeout = self.drain_timeout;
        let (host, added, layers) = self.into_host();
        let stop = host.stop.clone();
        // Also when this future is dropped, nothing is left behind.
        let cut = stop.cut_on_drop();
        let local = host.manager.as_ref().and_then(Manager::local).map(|local| local.serve(&host));
        let signalled = async {
            signal.await;
            stop.drain();
            drop(local);
        };
        let places = Arc::new(Semaphore::new(host.limits.connections));
        let connections = incoming.filter_map(|io| std::future::ready(admit(io, &places, &stop)));
        let routes = added.routes(NodeStream(host), &layers);
        let serving = transport.serve_with_incoming_shutdown(routes, connections, signalled);
        let ended = async {
            let served = serving.await;
            stop.drain();
            stop.running.close();
            stop.running.wait().await;
            served.map_err(ServeError::Serve)
        };
        let overdue = async {
            stop.draining().await;
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

    fn into_host(mut self) -> (Arc<Host>, Added, Layers) {
        if !self.chain.is_empty() {
            self.registry.intercept(&self.chain);
        }
        let incarnation = self.incarnation_or_default();
        let node = self.manager.as_ref().and_then(Manager::local_id);
        let scope = surroundings::observed(self.scope, incarnation);
        let host = Host {
            registry: self.registry,
            limits: self.limits,
            claims: self.claims,
            incarnation,
            manager: self.manager,
            clients: self.clients,
            succession: Arc::default(),
            stop: Stop::default(),
            scope: scope.at(Process { node, incarnation: Some(incarnation) }),
        };
        (Arc::new(host), self.added, self.layers)
    }
}

/// A connection that has found a place; one that has not is closed.
fn admit<IO, E>(
    io: Result<IO, E>,
    places: &Arc<Semaphore>,
    stop: &Stop,
) -> Option<Result<Connection<IO>, E>> {
    let io = match io {
        Ok(io) => io,
        Err(error) => return Some(Err(error)),
    };
    match Arc::clone(places).try_acquire_owned() {
        Ok(place) => Some(Ok(Connection::new(io, place, stop))),
        Err(_none) => {
            tracing::warn!("a connection was refused, because there are too many");
            None
        }
    }
}
