use std::task::{Context, Poll};

use futures::TryFutureExt as _;
use futures::future::{BoxFuture, MapErr};
use tower::Service;

use crate::error::ConnectionError;
use crate::transport::{Body, BoxError, BoxService};

/// An HTTP/2 connection to a node, inside of the layers of the program.
#[derive(Clone, Debug)]
pub(crate) struct Connection(BoxService);

impl Connection {
    pub(crate) const fn new(service: BoxService) -> Self {
        Self(service)
    }
}

impl Service<http::Request<Body>> for Connection {
    type Response = http::Response<Body>;
    type Error = ConnectionError;
    type Future = MapErr<
        BoxFuture<'static, Result<Self::Response, BoxError>>,
        fn(BoxError) -> ConnectionError,
    >;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.0.poll_ready(task).map_err(ConnectionError::new)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.0.call(request).map_err(ConnectionError::new)
    }
}
