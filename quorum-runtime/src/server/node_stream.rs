use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tonic::{Request, Status};

use super::certificates::Certificates;
use super::host::Host;
use super::inbound::Inbound;
use super::plain;
use super::session::Answer;
use crate::transport::Body;
use crate::wire::{self, Hello};

/// The ordered stream as a service of a tonic server.
#[derive(Clone, Debug)]
pub(super) struct NodeStream(pub(super) Arc<Host>);

impl tower::Service<http::Request<Body>> for NodeStream {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if let Err(refusal) = self.0.claims.check(&request) {
            return Box::pin(ready(Ok(refusal.into_http())));
        }
        if request.uri().path() != wire::PATH {
            return Box::pin(self.method(request).map(Ok));
        }
        let host = Arc::clone(&self.0);
        Box::pin(async move { Ok(open(host, request).await.unwrap_or_else(Status::into_http)) })
    }
}

impl NodeStream {
    /// Answers a request that is for one method: a session, or a call of plain gRPC.
    fn method(&self, request: http::Request<Body>) -> Answer {
        let Self(host) = self;
        let path = request.uri().path();
        if let Some(session) = host.registry.session(path) {
            return session.begin(request, Arc::clone(host));
        }
        if let Some(name) = plain::method(&host.registry, path) {
            return plain::answer(Arc::clone(host), name, request);
        }
        let refusal = Status::unimplemented(format!("there is no method {path} here"));
        Box::pin(ready(refusal.into_http()))
    }
}

/// Answers the request for a stream with the replies on it.
async fn open(
    host: Arc<Host>,
    request: http::Request<Body>,
) -> Result<http::Response<Body>, Status> {
    let request = Request::from_http(request);
    let hello = Hello::read(request.metadata());
    let certificates = Certificates::of(request.extensions());
    let address = request.remote_addr();
    let (caller, reversed) = host.admit(hello, address, certificates);
    let requests = wire::requests(request.into_inner(), host.limits.max_message_size);
    let inbound = Inbound::new(requests, caller, !hello.ours);
    let inbound = match reversed {
        Some(reversed) => inbound.with_calls(reversed),
        None => inbound,
    };
    let mut replies = Body::new(wire::Sent::by_server(inbound));
    if let Some(stream) = hello.stream {
        let address = address.map(|address| address.ip());
        replies = Body::new(host.succession.succeed(address, stream, replies).await?);
    }
    Ok(wire::response(host.hello(), replies))
}
