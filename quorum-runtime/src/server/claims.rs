//! Whether a client is the node that it says it is.

use std::fmt;
use std::sync::Arc;

use tonic::Status;

#[cfg(feature = "_tls-any")]
use super::Server;
use super::certificates::Certificates;
use crate::quorum::NodeId;
use crate::wire::claimed_id;

/// The names by which nodes prove their ids, if they have to.
#[derive(Clone, Default)]
pub(super) struct Claims {
    name_of: Option<NameOf>,
}

type NameOf = Arc<dyn Fn(NodeId) -> String + Send + Sync>;

#[cfg(feature = "_tls-any")]
impl Server {
    /// Lets a client be the node that it says it is only if its certificate says so too: it must be
    /// valid for the DNS name, or the IP address, that `name` gives for the node's id.
    ///
    /// A client that claims an id without a certificate is refused with
    /// [`Unauthenticated`](tonic::Code::Unauthenticated), one whose certificate is for other names
    /// with [`PermissionDenied`](tonic::Code::PermissionDenied), before its stream opens. Clients
    /// that claim no id are served as they are. A certificate with a wildcard, `*.cluster.example`,
    /// is valid for every node whose name it covers.
    ///
    /// Needs mutual TLS, which [`tls_config`](Self::tls_config) sets up: without it nobody has a
    /// certificate, and every claim is refused. Without `node_names` an id is believed.
    ///
    /// ```
    /// use quorum_runtime::Server;
    /// use quorum_runtime::transport::{Certificate, Identity, ServerTlsConfig};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let made = rcgen::generate_simple_self_signed(["node-1.cluster.example".to_owned()])?;
    /// # let identity = Identity::from_pem(made.cert.pem(), made.signing_key.serialize_pem());
    /// # let authority = Certificate::from_pem(made.cert.pem());
    /// let tls = ServerTlsConfig::new().identity(identity).client_ca_root(authority);
    /// let server = Server::builder()
    ///     .service(RegisterServer::new(Replica::new()))
    ///     .tls_config(tls)
    ///     .node_names(|id| format!("node-{id}.cluster.example"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn node_names(mut self, name: impl Fn(NodeId) -> String + Send + Sync + 'static) -> Self {
        self.claims.name_of = Some(Arc::new(name));
        self
    }
}

impl Claims {
    /// Refuses a request that claims an id without the right to it.
    pub(super) fn check<B>(&self, request: &http::Request<B>) -> Result<(), Status> {
        // An id of 0 claims nothing.
        let claimed = claimed_id(request.headers()).filter(|id| id.get() != 0);
        let (Some(name_of), Some(node)) = (&self.name_of, claimed) else {
            return Ok(());
        };
        Certificates::of(request.extensions()).prove(node, &name_of(node))
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("checked", &self.name_of.is_some()).finish()
    }
}
