use std::net::SocketAddr;

use crate::observe::Process;
use crate::quorum::NodeId;

/// Who sent a request, as far as that is known.
///
/// ```
/// use quorum_runtime::{Call, Manager, Server, Status};
///
/// #[quorum_macros::service]
/// pub trait Door {
///     async fn knock(&self, request: ()) -> String;
/// }
///
/// struct Porter;
///
/// impl Door for Porter {
///     async fn knock(&self, call: Call, (): ()) -> Result<String, Status> {
///         let id = call.peer().id().map(|id| id.to_string());
///         Ok(format!("hello {}", id.as_deref().unwrap_or("stranger")))
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = serving(Server::builder().service(DoorServer::new(Porter))).await;
/// let stranger = Manager::builder().node(1, &address).build()?;
/// assert_eq!(stranger.node(1)?.knock(()).await?, "hello stranger");
///
/// let two = Manager::builder().node(1, &address).node(2, nobody()).local(2).build()?;
/// assert_eq!(two.node(1)?.knock(()).await?, "hello 2");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    pub(super) id: Option<NodeId>,
    pub(super) address: Option<SocketAddr>,
    pub(super) incarnation: Option<u64>,
}

impl Peer {
    /// The id of the peer: the one it says it has, as a node that is called by others does, or the
    /// one that this server gave to a client which can be called back. `None` for any other client.
    ///
    /// It is what the peer claims, unless the server compares it with certificates.
    #[must_use]
    pub const fn id(&self) -> Option<NodeId> {
        self.id
    }

    pub(super) const fn process(&self) -> Process {
        Process { node: self.id, incarnation: self.incarnation }
    }

    /// Where the peer called from; `None` when it is this process or has no network address.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// A number that differs between one run of the peer's process and the next, so that a peer that
    /// was restarted is told from one that was slow. `None` when the peer does not tell.
    #[must_use]
    pub const fn incarnation(&self) -> Option<u64> {
        self.incarnation
    }
}
