use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::task::AtomicWaker;
use tonic::metadata::MetadataMap;

/// What a handler knows of the request it handles, besides the message itself.
///
/// # Order
///
/// The requests of one client are handled in the order in which it sent them, one at a time. The
/// next one begins when this handler returns, or when it says [`release`](Self::release).
///
/// # Examples
///
/// ```
/// use quorum_runtime::{Call, Manager, Request, Server, Status};
///
/// #[quorum_macros::service]
/// pub trait Greeter {
///     async fn greet(&self, request: ()) -> String;
/// }
///
/// struct Polite;
///
/// impl Greeter for Polite {
///     async fn greet(&self, call: Call, (): ()) -> Result<String, Status> {
///         assert!(call.peer_address().is_some());
///         let name = call.metadata().get("name").and_then(|name| name.to_str().ok());
///         let name = name.ok_or_else(|| Status::invalid_argument("who is that?"))?;
///         Ok(format!("hello {name}"))
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = serving(Server::builder().service(GreeterServer::new(Polite))).await;
/// let manager = Manager::builder().nodes([address]).build()?;
/// let mut request = Request::new(());
/// request.metadata_mut().insert("name", "world".parse()?);
/// assert_eq!(manager.node(1)?.greet(request).await?, "hello world");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Call {
    peer: Option<SocketAddr>,
    metadata: MetadataMap,
    turn: Arc<Turn>,
}

impl Call {
    pub(super) fn new(peer: Option<SocketAddr>, metadata: MetadataMap, turn: Arc<Turn>) -> Self {
        Self { peer, metadata, turn }
    }

    /// Where the client called from; `None` when the connection has no network address.
    #[must_use]
    pub const fn peer_address(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The metadata that the client sent with this request.
    #[must_use]
    pub const fn metadata(&self) -> &MetadataMap {
        &self.metadata
    }

    /// Lets the next request of this client begin, while this handler goes on beside it.
    ///
    /// A handler that waits for something other than its own state, another node for example, holds
    /// up all further requests of its client unless it releases. Releasing twice does nothing, and
    /// so does releasing in a session, which holds up nobody.
    ///
    /// Of one client at most 1,024 handlers run beside each other, and no more than hold 64 MiB of
    /// requests; at the limit its next request waits. The idea is that of Gorums, whose handlers release as well.
    ///
    /// ```
    /// use quorum_runtime::{Call, Manager, Server, Status};
    ///
    /// # #[quorum_macros::service]
    /// # pub trait Door {
    /// #     async fn wait(&self, request: ()) -> ();
    /// #     async fn open(&self, request: ()) -> ();
    /// # }
    /// struct Gate(tokio::sync::Notify);
    ///
    /// impl Door for Gate {
    ///     async fn wait(&self, call: Call, (): ()) -> Result<(), Status> {
    ///         call.release(); // else `open` would wait for the end of this handler
    ///         self.0.notified().await;
    ///         Ok(())
    ///     }
    ///     async fn open(&self, _: Call, (): ()) -> Result<(), Status> {
    ///         self.0.notify_one();
    ///         Ok(())
    ///     }
    /// }
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gate = DoorServer::new(Gate(tokio::sync::Notify::new()));
    /// # let address = serving(Server::builder().service(gate)).await;
    /// # let manager = Manager::builder().nodes([address]).build()?;
    /// # let node = manager.node(1)?;
    /// let (wait, open) = (node.wait(()), node.open(()));
    /// wait.await?;
    /// open.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn release(&self) {
        self.turn.release();
    }
}

/// The turn of one request in the order of its stream.
#[derive(Debug, Default)]
pub(super) struct Turn {
    released: AtomicBool,
    /// The client's stream, which polls the handler as long as it holds its turn.
    stream: AtomicWaker,
}

impl Turn {
    fn release(&self) {
        self.released.store(true, Ordering::Release);
        self.stream.wake();
    }

    /// Whether the turn was given up. If not, the task is woken when it is.
    pub(super) fn is_released(&self, task: &std::task::Context<'_>) -> bool {
        if self.released.load(Ordering::Acquire) {
            return true;
        }
        self.stream.register(task.waker());
        self.released.load(Ordering::Acquire)
    }
}
