use quorum_runtime::{ServeError, Server};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::PATIENCE;

/// A port of the loopback interface on which nothing is served yet, and its address.
///
/// # Panics
///
/// When the machine has no port left.
pub async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    (listener, address)
}

/// Serves on a free port, in the runtime of the test.
pub async fn host(server: Server) -> Hosted {
    let (listener, address) = listen().await;
    host_on(listener, address, server)
}

/// Serves on this port, in the runtime of the test.
#[must_use]
pub fn host_on(listener: TcpListener, address: String, server: Server) -> Hosted {
    let (stop, signal) = oneshot::channel::<()>();
    let signal = async { drop(signal.await) };
    let serving = tokio::spawn(server.serve_with_listener(listener, signal));
    Hosted { address, stop, serving }
}

/// A server in the runtime of its test.
#[derive(Debug)]
pub struct Hosted {
    address: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Hosted {
    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Tells the server to stop, and waits until it has.
    ///
    /// # Panics
    ///
    /// When it ends with an error, or takes too long.
    pub async fn stop(self) {
        self.begin_to_stop().await.expect("serves until it is stopped").expect("without an error");
    }

    /// Tells the server to stop, and gives what waits until it has.
    ///
    /// # Panics
    ///
    /// When it does not run, or takes too long.
    pub fn begin_to_stop(self) -> JoinHandle<Result<(), ServeError>> {
        self.stop.send(()).expect("the server waits for it");
        let serving = self.serving;
        tokio::spawn(async {
            tokio::time::timeout(PATIENCE, serving).await.expect("it stops").expect("no panic")
        })
    }

    /// Drops what serves.
    pub fn abort(self) {
        self.serving.abort();
    }
}
