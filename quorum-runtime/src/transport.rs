//! What is below messages: TLS, and tower layers around whole HTTP/2 requests.
//!
//! One request is one ordered stream, one session, or one call of plain gRPC. What concerns single
//! messages of the stream is no matter for a layer: it sees the stream open and end.
//!
//! The names are those of [`tonic::transport`], and its types, so that a program needs no dependency
//! on the same version of it. The types of TLS are there with one of the
//! [features](crate#feature-flags) for it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt as _};

pub use tonic::body::Body;
pub use tonic::server::NamedService;
#[cfg(feature = "_tls-any")]
pub use tonic::transport::{
    Certificate, CertificateDer, ClientTlsConfig, Identity, ServerTlsConfig,
};

/// Any error, as tower's services have it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What a layer is put around: all that a server serves, or one connection of a client.
///
/// See [`Server::layer`](crate::Server::layer) and
/// [`ManagerBuilder::layer`](crate::ManagerBuilder::layer).
///
/// ```
/// use quorum_runtime::Manager;
/// use quorum_runtime::transport::{Body, BoxService};
/// use tower::ServiceExt as _;
/// use tower::layer::layer_fn;
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let telling = layer_fn(|inner: BoxService| {
///     inner.map_request(|request: http::Request<Body>| {
///         println!("to {}", request.uri().path());
///         request
///     })
/// });
/// let manager = Manager::builder().nodes(servers(1).await).layer(telling).build()?;
/// manager.node(1)?.read(()).await?; // to /stream.Gorums/NodeStream
/// # Ok(())
/// # }
/// ```
pub type BoxService = BoxCloneService<http::Request<Body>, http::Response<Body>, BoxError>;

/// The layers of a program, outermost first.
#[derive(Clone, Default)]
pub(crate) struct Layers(Vec<Arc<dyn Fn(BoxService) -> BoxService + Send + Sync>>);

impl Layers {
    /// Adds a layer inside of those that are there.
    pub(crate) fn push<L, B>(&mut self, layer: L)
    where
        L: Layer<BoxService> + Send + Sync + 'static,
        L::Service:
            Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + 'static,
        <L::Service as Service<http::Request<Body>>>::Error: Into<BoxError>,
        <L::Service as Service<http::Request<Body>>>::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.0.push(Arc::new(move |inner| boxed(layer.layer(inner))));
    }

    /// The service inside of all layers.
    pub(crate) fn around(&self, service: BoxService) -> BoxService {
        self.0.iter().rev().fold(service, |inner, layer| layer(inner))
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers", self.0.len())
    }
}

/// A service of HTTP, whatever its body and its error.
pub(crate) fn boxed<S, B>(service: S) -> BoxService
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service.map_response(|response: http::Response<B>| response.map(Body::new));
    BoxService::new(service.map_err(Into::into))
}
