use std::net::SocketAddr;
use std::time::Duration;

use quorum_runtime::{Manager, ManagerBuilder, Server};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::recorder::RecorderServer;
use crate::{PATIENCE, Proxy, Recording};

/// A server on a runtime of its own, so that it can die with all its connections at once, as a
/// process does.
#[derive(Debug)]
pub struct TestServer {
    address: SocketAddr,
    recording: Recording,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl TestServer {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Panics
    ///
    /// When the machine has no port or no thread left.
    pub async fn start() -> Self {
        let address = ([127, 0, 0, 1], 0).into();
        let mut server = Self { address, recording: Recording::default(), running: None };
        server.restart().await;
        server
    }

    /// Starts a server that was killed or stopped again, on the same port. It has noted nothing.
    ///
    /// # Panics
    ///
    /// When it runs, or when the port is taken.
    pub async fn restart(&mut self) {
        assert!(self.running.is_none(), "the server runs already");
        self.recording = Recording::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (stop, signal) = oneshot::channel::<()>();
        let (ended, stopped) = oneshot::channel();
        let (ready, bound) = oneshot::channel();
        let (address, recording) = (self.address, self.recording.clone());
        runtime.spawn(async move {
            let listener = TcpListener::bind(address).await.expect("a port");
            ready.send(listener.local_addr()).expect("somebody waits");
            let server = Server::builder().service(RecorderServer::new(recording));
            let signal = async { drop(signal.await) };
            server.serve_with_listener(listener, signal).await.expect("serves until it is stopped");
            // Nobody waits when the server is killed.
            let _ = ended.send(());
        });
        self.address = bound.await.expect("the server starts").expect("an address");
        self.running = Some(Running { runtime, stop, stopped });
    }

    /// Ends the server at once: its connections break, its handlers vanish.
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub fn kill(&mut self) {
        // The sender lives on till the end: dropping it would tell the server to stop.
        let Running { runtime, stop: _unsaid, .. } = self.running.take().expect("the server runs");
        // Drops every task, and with them the sockets. A runtime can't be waited for by a task.
        let dropped = std::thread::spawn(move || runtime.shutdown_timeout(PATIENCE)).join();
        dropped.expect("the runtime ends");
    }

    /// Tells the server to stop, and waits until it has.
    ///
    /// # Panics
    ///
    /// When it does not run, or takes too long.
    pub async fn stop(&mut self) {
        let Running { runtime, stop, stopped } = self.running.take().expect("the server runs");
        stop.send(()).expect("the server waits for it");
        tokio::time::timeout(PATIENCE, stopped).await.expect("it stops").expect("it says so");
        runtime.shutdown_background();
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What it has noted, and the gate of its handlers.
    #[must_use]
    pub const fn recording(&self) -> &Recording {
        &self.recording
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
    }
}

/// Servers, and a manager that knows them as 1, 2, 3, …
///
/// # Panics
///
/// When they can't be started.
pub async fn cluster<const NODES: usize>() -> ([TestServer; NODES], Manager) {
    let mut servers = Vec::new();
    for _ in 0..NODES {
        servers.push(TestServer::start().await);
    }
    let servers: [TestServer; NODES] = servers.try_into().expect("that many were started");
    let manager = manager(&servers);
    (servers, manager)
}

/// A manager that knows these servers as 1, 2, 3, … and reconnects quickly.
///
/// # Panics
///
/// When called outside of a runtime.
#[must_use]
pub fn manager(servers: &[TestServer]) -> Manager {
    builder(servers.iter().map(TestServer::address)).build().expect("a manager")
}

/// Servers behind proxies, and a manager that knows the proxies as 1, 2, 3, …
///
/// # Panics
///
/// When they can't be started.
pub async fn proxied<const NODES: usize>() -> ([TestServer; NODES], [Proxy; NODES], Manager) {
    let (servers, _) = cluster::<NODES>().await;
    let mut proxies = Vec::new();
    for server in &servers {
        proxies.push(Proxy::start(&server.address()).await);
    }
    let manager = builder(proxies.iter().map(Proxy::address)).build().expect("a manager");
    (servers, proxies.try_into().expect("one for each server"), manager)
}

/// Makes managers that are patient with calls and reconnect quickly.
pub fn builder(addresses: impl IntoIterator<Item = String>) -> ManagerBuilder {
    Manager::builder()
        .nodes(addresses)
        .timeout(PATIENCE)
        .reconnect_wait(Duration::from_millis(10), Duration::from_millis(100))
}
