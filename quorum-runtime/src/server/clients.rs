use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::call::Context;
use crate::configuration::Configuration;
use crate::error::ConfigurationError;
use crate::link::{Reversed, Settings};
use crate::node::Node;
use crate::quorum::NodeId;
use crate::wire::Hello;

/// The first id of a client that has none of its own.
pub(crate) const FIRST_CLIENT: u32 = 1 << 20;

/// How long a call to a client may take that does not say so itself.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The clients of a server that are connected now and can be called back, over the connections that
/// they opened.
///
/// A client can be called back when its manager has services
/// ([`ManagerBuilder::service`](crate::ManagerBuilder::service)). It needs no address that the
/// server could reach, so it may stand behind a firewall. The server numbers such clients from
/// 1,048,576 up, each anew with each connection.
///
/// To let a server begin calls is what users of gRPC have asked for since 2015; Gorums has it under
/// the name of symmetric configurations.
///
/// ```
/// use quorum_runtime::{Majority, Manager, Server};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().service(RegisterServer::new(Replica::new()));
/// let clients = server.clients();
/// let address = serving(server).await;
///
/// let cache = RegisterServer::new(Replica::new());
/// let manager = Manager::builder().nodes([address]).service(cache).build()?;
/// manager.ready(&Majority).await?;
/// # while clients.is_empty() { tokio::task::yield_now().await; }
///
/// // At the server: every client learns of the change.
/// let caches = clients.configuration(Majority)?;
/// caches.write(State::new(1, "hello")).all().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clients(Arc<Mutex<Connected>>);

#[derive(Debug, Default)]
struct Connected {
    nodes: BTreeMap<NodeId, Node>,
    /// How many there have been.
    ever: u32,
    context: Option<Arc<Context>>,
}

impl Clients {
    /// How many clients can be called back at this moment.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().nodes.len()
    }

    /// Whether no client can be called back at this moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A configuration of the clients that can be called back at this moment. Clients that come
    /// later are in none that was made before; calls to those that have gone end with
    /// [`NodeError::Closed`](crate::NodeError::Closed).
    ///
    /// # Errors
    ///
    /// [`Empty`](ConfigurationError::Empty) when there is no such client.
    pub fn configuration<S>(&self, spec: S) -> Result<Configuration<S>, ConfigurationError> {
        let connected = self.lock();
        let context = connected.context.as_ref().ok_or(ConfigurationError::Empty)?;
        let nodes = connected.nodes.values().cloned().collect();
        Configuration::new(nodes, Arc::new(spec), Arc::clone(context))
    }

    /// A client has opened a stream on which it can be called.
    pub(super) fn join(
        &self,
        address: Option<SocketAddr>,
        hello: Hello,
        settings: &Settings,
    ) -> (Joined, Reversed) {
        let (id, context) = self.number(settings);
        // With the lock released, because an observer is told.
        let (link, reversed) = Reversed::open(id, hello, settings, &context);
        let address = address.map_or_else(|| "a client".to_owned(), |address| address.to_string());
        let node = Node::new(id, &address, link, context);
        self.lock().nodes.insert(id, node.clone());
        (Joined { clients: self.clone(), node }, reversed)
    }

    /// An id for one more client, and what calls to all of them share.
    fn number(&self, settings: &Settings) -> (NodeId, Arc<Context>) {
        let new = || {
            let runtime = Handle::current();
            let context = Context::of_server(TIMEOUT, settings.max_message_size, runtime);
            Arc::new(context.observed(settings.scope.clone()))
        };
        let mut connected = self.lock();
        let context = Arc::clone(connected.context.get_or_insert_with(new));
        (connected.next_id(), context)
    }

    fn lock(&self) -> MutexGuard<'_, Connected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected {
    /// Ids are used again only when all others have been.
    fn next_id(&mut self) -> NodeId {
        loop {
            let id = NodeId::from(FIRST_CLIENT + self.ever % (u32::MAX - FIRST_CLIENT));
            self.ever = self.ever.wrapping_add(1);
            if !self.nodes.contains_key(&id) {
                return id;
            }
        }
    }
}

/// A client that can be called back, as long as this is held.
#[derive(Debug)]
pub(super) struct Joined {
    clients: Clients,
    node: Node,
}

impl Joined {
    pub(super) const fn node(&self) -> &Node {
        &self.node
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        // The node is dropped with the lock released: its link closes.
        let gone = self.clients.lock().nodes.remove(&self.node.id());
        drop(gone);
    }
}
