use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::{Grpc, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::client_stream::ClientStream;
use super::service::Registry;
use super::session::Surroundings;
use crate::wire::{self, Envelope, EnvelopeCodec};

/// The ordered stream as a service of a tonic server.
#[derive(Clone, Debug)]
pub(super) struct NodeStream {
    registry: Arc<Registry>,
    max_message_size: usize,
    drain: CancellationToken,
}

impl NodeStream {
    pub(super) fn new(
        registry: Arc<Registry>,
        max_message_size: usize,
        drain: &CancellationToken,
    ) -> Self {
        Self { registry, max_message_size, drain: drain.clone() }
    }
}

impl<B> tower_service::Service<http::Request<B>> for NodeStream
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let path = request.uri().path();
        if let Some(begin) = self.registry.session(path) {
            let surroundings =
                Surroundings { max_message_size: self.max_message_size, drain: self.drain.clone() };
            return Box::pin(begin(request.map(Body::new), surroundings).map(Ok));
        }
        if path != wire::PATH {
            let status = Status::unimplemented(format!("there is no {path} here"));
            return Box::pin(ready(Ok(status.into_http())));
        }
        let open = Open(self.clone());
        Box::pin(async move {
            let mut grpc =
                Grpc::new(EnvelopeCodec).max_decoding_message_size(open.0.max_message_size);
            Ok(grpc.streaming(open, request).await)
        })
    }
}

/// Answers the request for a stream with the replies on it.
struct Open(NodeStream);

impl StreamingService<Envelope> for Open {
    type Response = Envelope;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Envelope, Status>> + Send>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Envelope>>) -> Self::Future {
        let Self(NodeStream { registry, max_message_size, drain }) = self;
        let stream =
            ClientStream::new(request, Arc::clone(registry), *max_message_size, drain.clone());
        let mut response = Response::new(Box::pin(stream.replies()) as Self::ResponseStream);
        wire::announce(response.metadata_mut());
        ready(Ok(response))
    }
}
