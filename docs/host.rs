use std::net::SocketAddr;

use quorum_runtime::Server;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// A server on a free port of the loopback interface, with a runtime of its own, so that it can die
/// with all its connections at once, as a process does.
#[derive(Debug)]
pub struct Host {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Host {
    /// Starts a server.
    ///
    /// # Panics
    ///
    /// When the machine has no port or no thread left.
    pub async fn start(server: Server) -> Self {
        let mut host = Self { address: ([127, 0, 0, 1], 0).into(), runtime: None };
        host.restart(server).await;
        host
    }

    /// Starts a server where another one was killed.
    ///
    /// # Panics
    ///
    /// When that one still runs.
    pub async fn restart(&mut self, server: Server) {
        assert!(self.runtime.is_none(), "the server runs already");
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.spawn(TcpListener::bind(self.address)).await;
        let listener = listener.expect("no panic").expect("a port");
        self.address = listener.local_addr().expect("an address");
        runtime.spawn(server.serve_with_listener(listener, std::future::pending()));
        self.runtime = Some(runtime);
    }

    /// Ends the server at once: its connections break, its handlers vanish.
    pub fn kill(&mut self) {
        // Drops every task, and with them the sockets. A runtime can't be waited for by a task.
        if let Some(runtime) = self.runtime.take() {
            let dropped = std::thread::spawn(move || drop(runtime)).join();
            dropped.expect("the runtime ends");
        }
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.kill();
    }
}
