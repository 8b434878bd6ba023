use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream};
use tokio_util::sync::CancellationToken;
use tonic::server::{Grpc, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::claims::Claims;
use super::client_stream::ClientStream;
use super::limits::MetadataLimits;
use super::service::Registry;
use super::session::{Answer, Surroundings};
use super::{Server, plain};
use crate::transport::{Body, BoxService};
use crate::wire::{self, Envelope, EnvelopeCodec};

/// The ordered stream as a service of a tonic server.
#[derive(Clone, Debug)]
pub(super) struct NodeStream {
    registry: Arc<Registry>,
    max_message_size: usize,
    max_metadata: MetadataLimits,
    claims: Claims,
    drain: CancellationToken,
}

impl NodeStream {
    /// All that a server serves: this stream, plain methods, added services, with layers around them.
    pub(super) fn routes(server: Server, drain: &CancellationToken) -> BoxService {
        let stream = Self {
            registry: Arc::new(server.registry),
            max_message_size: server.max_message_size,
            max_metadata: server.limits.metadata,
            claims: server.claims,
            drain: drain.clone(),
        };
        server.added.routes(stream, &server.layers)
    }
}

impl tower::Service<http::Request<Body>> for NodeStream {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if let Err(refusal) = self.claims.check(&request) {
            return Box::pin(ready(Ok(refusal.into_http())));
        }
        if request.uri().path() != wire::PATH {
            return Box::pin(self.method(request).map(Ok));
        }
        let open = Open(self.clone());
        Box::pin(async move {
            let mut grpc =
                Grpc::new(EnvelopeCodec).max_decoding_message_size(open.0.max_message_size);
            Ok(grpc.streaming(open, request).await)
        })
    }
}

impl NodeStream {
    /// Answers a request that is for one method: a session, or a call of plain gRPC.
    fn method(&self, request: http::Request<Body>) -> Answer {
        let surroundings =
            Surroundings { max_message_size: self.max_message_size, drain: self.drain.clone() };
        let path = request.uri().path();
        if let Some(begin) = self.registry.session(path) {
            return begin(request, surroundings);
        }
        if let Some(name) = plain::method(&self.registry, path) {
            return plain::answer(Arc::clone(&self.registry), name, request, surroundings);
        }
        let refusal = Status::unimplemented(format!("there is no method {path} here"));
        Box::pin(ready(refusal.into_http()))
    }
}

/// Answers the request for a stream with the replies on it.
struct Open(NodeStream);

impl StreamingService<Envelope> for Open {
    type Response = Envelope;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Envelope, Status>> + Send>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Envelope>>) -> Self::Future {
        let Self(NodeStream { registry, max_message_size, max_metadata, drain, .. }) = self;
        let registry = Arc::clone(registry);
        let stream =
            ClientStream::new(request, registry, *max_message_size, *max_metadata, drain.clone());
        let mut response = Response::new(Box::pin(stream.replies()) as Self::ResponseStream);
        wire::announce(response.metadata_mut());
        ready(Ok(response))
    }
}
