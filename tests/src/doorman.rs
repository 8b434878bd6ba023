use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Stands before a server and counts the connections that pass. It has a runtime of its own.
#[derive(Debug)]
pub struct Doorman {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
    passed: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Doorman {
    /// Passes connections to the server at this address.
    ///
    /// # Panics
    ///
    /// When the machine has no port or no thread left.
    pub async fn before(server: String) -> Self {
        let builder =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = builder.expect("a runtime");
        let bound = runtime.spawn(TcpListener::bind("127.0.0.1:0")).await.expect("no panic");
        let listener = bound.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (open, passed) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        runtime.spawn(accept(listener, server, Arc::clone(&open), Arc::clone(&passed)));
        Self { address, open, passed, runtime: Some(runtime) }
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many there were in all.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::Relaxed)
    }
}

impl Drop for Doorman {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(
    listener: TcpListener,
    server: String,
    open: Arc<AtomicUsize>,
    passed: Arc<AtomicUsize>,
) {
    while let Ok((mut client, _)) = listener.accept().await {
        open.fetch_add(1, Ordering::Relaxed);
        passed.fetch_add(1, Ordering::Relaxed);
        let (server, open) = (server.clone(), Arc::clone(&open));
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(server).await {
                // How it ends does not matter.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}
