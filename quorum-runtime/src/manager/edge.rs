//! What a manager puts around its connections.

use bytes::Bytes;
use tower::{Layer, Service};

use super::ManagerBuilder;
#[cfg(feature = "_tls-any")]
use crate::link;
#[cfg(feature = "_tls-any")]
use crate::transport::ClientTlsConfig;
use crate::transport::{Body, BoxError, BoxService};

impl ManagerBuilder {
    /// Connects to all nodes by TLS, and to none without.
    ///
    /// A node's certificate must be valid for the host of its address, or for the
    /// [`domain_name`](ClientTlsConfig::domain_name) of the configuration, which then goes for all
    /// nodes. It must be of an authority that the configuration names: none is trusted by default.
    /// With an [`identity`](ClientTlsConfig::identity) the client has a certificate too, as a server
    /// with mutual TLS asks for it.
    ///
    /// A configuration that can't be used is an error of [`build`](Self::build). Needs one of the
    /// features `tls-ring` and `tls-aws-lc`.
    ///
    /// ```
    /// use quorum_runtime::transport::{Certificate, ClientTlsConfig, Identity};
    /// use quorum_runtime::{BuildError, Manager};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let made = rcgen::generate_simple_self_signed(["me".to_owned()])?;
    /// # let (authority, certificate) = (made.cert.pem(), made.cert.pem());
    /// # let key = made.signing_key.serialize_pem();
    /// let tls = ClientTlsConfig::new()
    ///     .ca_certificate(Certificate::from_pem(authority)) // of the nodes
    ///     .identity(Identity::from_pem(certificate, key)); // of this client
    /// let builder = Manager::builder().tls_config(tls);
    /// builder.clone().nodes(["one.cluster:9001", "two.cluster:9001"]).build()?;
    ///
    /// let error = builder.nodes(["one..cluster:9001"]).build().unwrap_err();
    /// assert!(matches!(error, BuildError::TlsName { .. }));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "_tls-any")]
    pub fn tls_config(mut self, config: ClientTlsConfig) -> Self {
        self.settings.tls = link::Tls::new(config);
        self
    }

    /// Puts a tower layer around each connection to a node: that of its ordered stream, and those
    /// of sessions. Of several layers the first is the outermost, as in tonic.
    ///
    /// A layer sees HTTP requests, and the whole ordered stream is one of them: headers that it adds
    /// are seen by the server as it opens the stream, not by handlers as metadata of their requests.
    /// A layer that fails or answers itself makes the node
    /// [`Unreachable`](crate::NodeError::Unreachable), until the next attempt to connect.
    ///
    /// ```
    /// use quorum_runtime::{Manager, Request, Status};
    /// use tonic::service::InterceptorLayer;
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let password = InterceptorLayer::new(|mut request: Request<()>| {
    ///     let password = "sesame".parse().map_err(|_| Status::internal("no header"))?;
    ///     request.metadata_mut().insert("password", password);
    ///     Ok(request)
    /// });
    /// let manager = Manager::builder().nodes(servers(1).await).layer(password).build()?;
    /// manager.node(1)?.read(()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn layer<L, B>(mut self, layer: L) -> Self
    where
        L: Layer<BoxService> + Send + Sync + 'static,
        L::Service:
            Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + 'static,
        <L::Service as Service<http::Request<Body>>>::Error: Into<BoxError>,
        <L::Service as Service<http::Request<Body>>>::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.settings.layers.push(layer);
        self
    }
}
