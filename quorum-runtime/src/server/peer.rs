use std::net::SocketAddr;

use super::certificates::Certificates;
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
#[derive(Clone, Debug, Default)]
pub struct Peer {
    pub(super) id: Option<NodeId>,
    pub(super) address: Option<SocketAddr>,
    pub(super) incarnation: Option<u64>,
    #[cfg_attr(not(feature = "_tls-any"), allow(dead_code, reason = "there are none without TLS"))]
    pub(super) certificates: Certificates,
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

    /// The certificates that the peer presented, its own first, as mutual TLS has verified them;
    /// empty for a peer without one.
    ///
    /// They are DER: a crate like `x509-parser` reads the name of the peer from the first.
    ///
    /// ```
    /// use quorum_runtime::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};
    /// use quorum_runtime::{Call, Manager, Server, Status};
    ///
    /// #[quorum_macros::service]
    /// pub trait Door {
    ///     async fn open(&self, request: ()) -> ();
    /// }
    ///
    /// /// Opens to those whose certificate is on the list.
    /// struct Bouncer(Vec<Vec<u8>>);
    ///
    /// impl Door for Bouncer {
    ///     async fn open(&self, call: Call, (): ()) -> Result<(), Status> {
    ///         let guest = call.peer().certificates().first();
    ///         match guest.is_some_and(|guest| self.0.iter().any(|known| known == guest.as_ref())) {
    ///             true => Ok(()),
    ///             false => Err(Status::permission_denied("not with those shoes")),
    ///         }
    ///     }
    /// }
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # let identity = Identity::from_pem(made.cert.pem(), made.signing_key.serialize_pem());
    /// # let authority = Certificate::from_pem(made.cert.pem());
    /// # let list = vec![made.cert.der().to_vec()];
    /// # let (mine, yours) = (identity.clone(), identity);
    /// let tls = ServerTlsConfig::new().identity(mine).client_ca_root(authority.clone());
    /// let server = Server::builder().service(DoorServer::new(Bouncer(list))).tls_config(tls);
    /// let port = serving(server).await.split_off("127.0.0.1:".len());
    ///
    /// let tls = ClientTlsConfig::new().ca_certificate(authority).identity(yours);
    /// let manager = Manager::builder().nodes([format!("localhost:{port}")]).tls_config(tls);
    /// manager.build()?.node(1)?.open(()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "_tls-any")]
    #[must_use]
    pub fn certificates(&self) -> &[crate::transport::CertificateDer<'static>] {
        self.certificates.chain()
    }
}
