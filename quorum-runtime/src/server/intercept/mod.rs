//! What a server puts between its clients and its handlers.

mod chain;
mod intercepted;
mod reply;
mod request;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use tonic::Status;

pub(super) use chain::Chain;
use chain::Erased;
pub use intercepted::Intercepted;
pub use reply::OutgoingReply;
pub use request::IncomingRequest;

/// Stands around the handlers of a server: sees, changes, delays or rejects requests, and sees and
/// changes replies.
///
/// [`Server::intercept`](crate::Server::intercept) puts it around all services of a server, and
/// [`Intercepted`] around one. Of several the one that was added first is the outermost: it sees
/// requests first and replies last.
///
/// An interceptor holds the turn of its request as a handler does, until the handler or the
/// interceptor itself [releases](crate::Call::release): what it waits for holds up the further
/// requests of the client. Its wait is dropped where that of the handler would be.
///
/// It covers methods of every kind:
///
/// - of a **one-way** method the reply is empty and is not sent, and nobody waits for a status;
/// - of a method that **replies several times** it sees the request and the end, which is an empty
///   reply or the status, and not the replies;
/// - a **session** is one request without a message, and handled until it ends.
///
/// A panic in an interceptor is answered as one in a handler is: with the status
/// [`Internal`](tonic::Code::Internal).
///
/// The other side has a [`ClientInterceptor`](crate::ClientInterceptor). That an interceptor calls the
/// next one is the way of the interceptors of gRPC in Go and Java.
///
/// # Examples
///
/// ```
/// use quorum_runtime::{
///     Code, IncomingRequest, Manager, Next, OutgoingReply, Request, Server, ServerInterceptor, Status,
/// };
///
/// struct Token(&'static str);
///
/// impl ServerInterceptor for Token {
///     async fn handle(
///         &self,
///         request: IncomingRequest,
///         next: Next<'_>,
///     ) -> Result<OutgoingReply, Status> {
///         match request.metadata().get("authorization") {
///             Some(token) if token == self.0 => next.run(request).await,
///             _ => Err(Status::unauthenticated("who are you?")),
///         }
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().service(RegisterServer::new(Replica::new()));
/// let address = serving(server.intercept(Token("secret"))).await;
/// let manager = Manager::builder().nodes([address]).build()?;
///
/// let error = manager.node(1)?.read(()).await.unwrap_err();
/// assert_eq!(Status::from(error).code(), Code::Unauthenticated);
///
/// let mut request = Request::new(());
/// request.metadata_mut().insert("authorization", "secret".parse()?);
/// manager.node(1)?.read(request).await?;
/// # Ok(())
/// # }
/// ```
pub trait ServerInterceptor: Send + Sync + 'static {
    /// Handles a request: by itself, or by what comes next, whose reply it may change. What it does
    /// not hand on is not handled.
    ///
    /// # Errors
    ///
    /// The client is answered with the status.
    fn handle(
        &self,
        request: IncomingRequest,
        next: Next<'_>,
    ) -> impl Future<Output = Result<OutgoingReply, Status>> + Send;
}

impl<I: ServerInterceptor> ServerInterceptor for Arc<I> {
    fn handle(
        &self,
        request: IncomingRequest,
        next: Next<'_>,
    ) -> impl Future<Output = Result<OutgoingReply, Status>> + Send {
        (**self).handle(request, next)
    }
}

/// What stands behind an interceptor: the next one, or at last the handler.
///
/// [`ServerInterceptor`] has an example.
#[must_use = "a request that is not handed on is not handled"]
pub struct Next<'a> {
    rest: &'a [Arc<dyn Erased>],
    handler: HandlerOnce,
}

/// Handles a request behind all interceptors.
type HandlerOnce =
    Box<dyn FnOnce(IncomingRequest) -> BoxFuture<'static, Result<OutgoingReply, Status>> + Send>;

impl Next<'_> {
    /// Handles the request.
    ///
    /// # Errors
    ///
    /// The status by which the handler, or an interceptor before it, ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait drops the handler where it waits.
    pub async fn run(self, request: IncomingRequest) -> Result<OutgoingReply, Status> {
        match self.rest.split_first() {
            Some((interceptor, rest)) => {
                interceptor.handle(request, Next { rest, handler: self.handler }).await
            }
            None => (self.handler)(request).await,
        }
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("interceptors", &self.rest.len()).finish_non_exhaustive()
    }
}
