//! TLS of a server.

#[cfg(feature = "_tls-any")]
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(feature = "_tls-any")]
use super::Server;
use crate::error::ServeError;
#[cfg(feature = "_tls-any")]
use crate::transport::ServerTlsConfig;

/// The TLS that a server was configured with, if any.
#[derive(Debug, Default)]
pub(super) struct Tls {
    #[cfg(feature = "_tls-any")]
    config: Option<ServerTlsConfig>,
}

#[cfg(feature = "_tls-any")]
impl Server {
    /// Serves by TLS alone, with the certificate and the key of the configuration's
    /// [`identity`](ServerTlsConfig::identity).
    ///
    /// With a [`client_ca_root`](ServerTlsConfig::client_ca_root) TLS is mutual: only clients whose
    /// certificate is of that authority are served. [`Peer::certificates`] tells handlers which
    /// it is, and [`node_names`](Server::node_names) ties the ids of nodes to certificates.
    ///
    /// A configuration that can't be used is an error when the server starts to serve. Needs one of the
    /// features `tls-ring` and `tls-aws-lc`.
    ///
    /// ```
    /// use quorum_runtime::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};
    /// use quorum_runtime::{Manager, Server};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    /// let identity = Identity::from_pem(&certificate, &key); // two files of yours
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let server = server.tls_config(ServerTlsConfig::new().identity(identity));
    /// let address = serving(server).await;
    ///
    /// let authority = Certificate::from_pem(&certificate); // it has signed itself
    /// let tls = ClientTlsConfig::new().ca_certificate(authority).domain_name("localhost");
    /// let manager = Manager::builder().nodes([address]).tls_config(tls).build()?;
    /// manager.node(1)?.read(()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Peer::certificates`]: crate::Peer::certificates
    pub fn tls_config(mut self, config: ServerTlsConfig) -> Self {
        self.tls.config = Some(config);
        self
    }
}

impl Tls {
    pub(super) fn configure(
        &self,
        transport: tonic::transport::Server,
    ) -> Result<tonic::transport::Server, ServeError> {
        #[cfg(feature = "_tls-any")]
        if let Some(config) = self.config.clone() {
            crate::tls::install_provider().map_err(|reason| ServeError::Tls(reason.into()))?;
            // tonic panics where the identity is missing, and does not let us look for it.
            let configure = AssertUnwindSafe(|| transport.tls_config(config));
            let configured = catch_unwind(configure).map_err(|_| {
                ServeError::Tls("it has no identity: add one with `identity`".into())
            })?;
            return configured.map_err(|error| ServeError::Tls(error.into()));
        }
        Ok(transport)
    }
}
