//! Serving, and stopping to serve.

use std::future::Future;

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

use super::Server;
use super::node_stream::NodeStream;
use crate::error::ServeError;

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
    /// [`Requests::next`](crate::Requests::next), and each connection closes when its running handlers have answered.
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
        self.check_names()?;
        let transport = self.transport()?;
        let drain = CancellationToken::new();
        let drain_timeout = self.drain_timeout;
        let routes = NodeStream::routes(self, &drain);
        let signalled = async {
            signal.await;
            drain.cancel();
        };
        let overdue = async {
            drain.cancelled().await;
            tokio::time::sleep(drain_timeout).await;
        };
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let serving = transport.serve_with_incoming_shutdown(routes, incoming, signalled);
        tokio::select! { biased;
            result = serving => result.map_err(ServeError::Serve),
            () = overdue => {
                tracing::warn!(after = ?drain_timeout, "stopped with handlers still running");
                Ok(())
            }
        }
    }
}
