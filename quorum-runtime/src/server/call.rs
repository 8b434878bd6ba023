use std::sync::{Arc, LazyLock};

use tokio::time::Instant;
use tonic::metadata::MetadataMap;

use super::peer::Peer;
use super::turn::Turn;
use crate::configuration::Configuration;
use crate::error::ConfigurationError;
use crate::node::Node;

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
///         assert!(call.peer().address().is_some());
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
    turn: Arc<Turn>,
    method: &'static str,
    /// Nothing where there is none, because a call is moved about and a map is large.
    metadata: Option<Box<MetadataMap>>,
    deadline: Option<Instant>,
}

impl Call {
    pub(super) fn new(
        turn: Arc<Turn>,
        method: &'static str,
        metadata: Option<MetadataMap>,
        deadline: Option<Instant>,
    ) -> Self {
        let metadata = metadata.map(Box::new);
        Self { turn, method, metadata, deadline }
    }

    /// Who sent the request.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.turn.caller.peer
    }

    /// The full name of the method, as `package.Service.Method`.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// Sends this metadata along with the reply, whether that is a message or a status: the client
    /// sees it in [`Reply::metadata`](crate::Reply::metadata), or in the status. What was set before
    /// is replaced. Of a handler that replies several times it goes along with the next reply; in a
    /// session it is not sent. Keys that begin with `quorum-` are not sent either: they are ours.
    ///
    /// ```
    /// use quorum_runtime::metadata::MetadataMap;
    /// use quorum_runtime::{Call, Majority, Manager, Server, Status};
    ///
    /// #[quorum_macros::service]
    /// pub trait Clock {
    ///     #[call(quorumcall)]
    ///     async fn time(&self, request: ()) -> u64;
    /// }
    ///
    /// struct Late;
    ///
    /// impl Clock for Late {
    ///     async fn time(&self, call: Call, (): ()) -> Result<u64, Status> {
    ///         let mut metadata = MetadataMap::new();
    ///         metadata.insert("zone", "UTC".parse().expect("letters"));
    ///         call.set_reply_metadata(metadata);
    ///         Ok(17)
    ///     }
    /// }
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let address = serving(Server::builder().service(ClockServer::new(Late))).await;
    /// let manager = Manager::builder().nodes([address]).build()?;
    /// let reply = manager.clock(Majority)?.time(()).next().await.expect("one node was asked");
    /// assert_eq!(reply.metadata.get("zone").expect("it was sent"), "UTC");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_reply_metadata(&self, metadata: MetadataMap) {
        self.turn.set_reply_metadata(metadata);
    }

    /// The metadata that the client sent with this request.
    #[must_use]
    pub fn metadata(&self) -> &MetadataMap {
        static NONE: LazyLock<MetadataMap> = LazyLock::new(MetadataMap::new);
        self.metadata.as_deref().unwrap_or_else(|| &NONE)
    }

    pub(super) fn metadata_mut(&mut self) -> &mut MetadataMap {
        self.metadata.get_or_insert_default()
    }

    pub(super) const fn turn(&self) -> &Arc<Turn> {
        &self.turn
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

    /// When the caller gives up, if it said so. A request whose deadline has passed before its turn
    /// came is not handled at all.
    ///
    /// It is the time that was left to the caller when it sent the request, counted from when the
    /// request came, so that clocks need not agree.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the caller has given up: its deadline has passed, or it has cancelled the call. What
    /// the handler returns then reaches nobody.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.turn.is_given_up() || self.deadline.is_some_and(|at| at <= Instant::now())
    }

    /// Waits until the caller gives up; for ever, if it does not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{Call, Manager, Server, Status};
    ///
    /// #[quorum_macros::service]
    /// pub trait Miner {
    ///     async fn dig(&self, request: ()) -> u64;
    /// }
    ///
    /// struct Patient(tokio::sync::mpsc::Sender<()>);
    ///
    /// impl Miner for Patient {
    ///     async fn dig(&self, call: Call, (): ()) -> Result<u64, Status> {
    ///         call.cancelled().await; // in a program: beside the work, in a `select!`
    ///         self.0.send(()).await.ok();
    ///         Err(Status::cancelled("nobody wants it any more"))
    ///     }
    /// }
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (ended, mut has_ended) = tokio::sync::mpsc::channel(1);
    /// let address = serving(Server::builder().service(MinerServer::new(Patient(ended)))).await;
    /// let manager = Manager::builder().nodes([address]).build()?;
    /// let call = manager.node(1)?.dig(());
    /// # tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    /// call.cancel();
    /// has_ended.recv().await.expect("the handler saw it");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cancelled(&self) {
        let Some(deadline) = self.deadline else {
            return self.turn.given_up().await;
        };
        tokio::select! { biased;
            () = self.turn.given_up() => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
    }

    /// The caller, to be called in its turn: a client over the connection that it opened, a node that
    /// this server knows over the connection to it. `None` for a client that can't be called back.
    #[must_use]
    pub fn caller(&self) -> Option<Node> {
        self.turn.caller.node()
    }

    /// The nodes that this server knows, itself included, as a configuration. Its members are all
    /// nodes of the manager that [`Server::peers`](crate::Server::peers) was given, so quorums are
    /// those of everybody else; its targets are the members that are connected at this moment.
    ///
    /// A handler that calls its own process must have [released](Self::release), if the call that it
    /// handles came from its own process too: it would wait for its own turn.
    ///
    /// # Errors
    ///
    /// [`NoPeers`](ConfigurationError::NoPeers) when the server was given no manager.
    ///
    /// # Examples
    ///
    /// ```
    /// use quorum_runtime::{Call, Majority, Manager, Server, Status};
    ///
    /// #[quorum_macros::service]
    /// pub trait Proxy {
    ///     async fn ask(&self, request: ()) -> State;
    /// }
    ///
    /// struct Anywhere;
    ///
    /// impl Proxy for Anywhere {
    ///     async fn ask(&self, call: Call, (): ()) -> Result<State, Status> {
    ///         call.release();
    ///         let peers = call.peers(Majority).map_err(|error| Status::internal(error.to_string()))?;
    ///         Ok(peers.read(()).await?)
    ///     }
    /// }
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let own_address = listener.local_addr()?.to_string();
    /// let [two, three] = servers(2).await.try_into().unwrap();
    /// let group = [own_address.clone(), two, three];
    /// let peers = Manager::builder().nodes(group).local(1).build()?; // this process is node 1
    /// let server = Server::builder()
    ///     .service(RegisterServer::new(Replica::new()))
    ///     .service(ProxyServer::new(Anywhere))
    ///     .peers(&peers);
    /// # tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    /// # peers.ready(&Majority).await?;
    ///
    /// peers.register(Majority)?.write(State::new(1, "hello")).await?;
    /// let client = Manager::builder().nodes([own_address]).build()?;
    /// assert_eq!(client.node(1)?.ask(()).await?.text, "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn peers<S>(&self, spec: S) -> Result<Configuration<S>, ConfigurationError> {
        let manager = self.turn.caller.host.manager.as_ref().ok_or(ConfigurationError::NoPeers)?;
        Ok(manager.configuration(spec)?.connected())
    }

    /// The clients that are connected at this moment and can be called back, as a configuration: see
    /// [`Clients`](crate::Clients).
    ///
    /// # Errors
    ///
    /// [`Empty`](ConfigurationError::Empty) when there is no such client.
    pub fn clients<S>(&self, spec: S) -> Result<Configuration<S>, ConfigurationError> {
        self.turn.caller.host.clients.configuration(spec)
    }
}
