use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream};
use tonic::body::Body;
use tonic::server::{Grpc, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::host::Host;
use super::inbound::Inbound;
use crate::wire::{self, Envelope, EnvelopeCodec, Hello};

/// The ordered stream as a service of a tonic server.
#[derive(Clone, Debug)]
pub(super) struct NodeStream(pub(super) Arc<Host>);

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
        if let Some(session) = self.0.registry.session(path) {
            return Box::pin(session.begin(request.map(Body::new), Arc::clone(&self.0)).map(Ok));
        }
        if path != wire::PATH {
            let status = Status::unimplemented(format!("there is no {path} here"));
            return Box::pin(ready(Ok(status.into_http())));
        }
        let open = Open(Arc::clone(&self.0));
        let limit = self.0.limits.max_message_size;
        Box::pin(async move {
            let mut grpc = Grpc::new(EnvelopeCodec).max_decoding_message_size(limit);
            Ok(grpc.streaming(open, request).await)
        })
    }
}

/// Answers the request for a stream with the replies on it.
struct Open(Arc<Host>);

impl StreamingService<Envelope> for Open {
    type Response = Envelope;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Envelope, Status>> + Send>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Envelope>>) -> Self::Future {
        let hello = Hello::read(request.metadata());
        let (address, host) = (request.remote_addr(), &self.0);
        let (caller, reversed) = host.admit(hello, address);
        let inbound = Inbound::new(request.into_inner(), caller, !hello.ours);
        let inbound = match reversed {
            Some(reversed) => inbound.with_calls(reversed),
            None => inbound,
        };
        let mut response = Response::new(Box::pin(inbound.replies()) as Self::ResponseStream);
        host.hello().write(response.metadata_mut());
        ready(Ok(response))
    }
}
