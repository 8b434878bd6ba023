//! What a program puts between its calls and the nodes.

mod decoder;
mod reply;
mod request;

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;
use tonic::Status;

use super::{Method, Replied};
use crate::error::{NodeError, NodeFailure};
use crate::node::Node;
use crate::wire::Envelope;

pub(super) use decoder::Decoder;
pub use reply::IncomingReply;
pub use request::OutgoingRequest;

/// Sees, changes, delays or rejects what passes between the calls of a client and its nodes.
///
/// It is added to the calls of one configuration by
/// [`Configuration::intercept`](crate::Configuration::intercept), and to all calls of a manager by
/// [`ManagerBuilder::intercept`](crate::ManagerBuilder::intercept). A closure that takes a
/// `&mut OutgoingRequest<'_>` is an interceptor of requests. Methods of the trait that are left out
/// let everything pass.
///
/// Of several interceptors the one that was added first is the outermost: it sees requests first and
/// replies last.
///
/// None of the methods may block: the first runs where the call is made, the others where it is
/// awaited. Replies and failures of a call that is not awaited are not seen.
///
/// The other side has a [`ServerInterceptor`](crate::ServerInterceptor). Interceptors are named after
/// those of gRPC and tonic.
///
/// # Panics
///
/// A panic in an interceptor is a panic of the caller. One in [`request`](Self::request) leaves the
/// message unsent to the nodes whose turn had not come.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use quorum_runtime::{
///     ClientInterceptor, IncomingReply, Majority, Manager, NodeFailure, OutgoingRequest, Status,
/// };
///
/// #[derive(Default)]
/// struct Count {
///     sent: AtomicUsize,
///     failed: AtomicUsize,
/// }
///
/// impl ClientInterceptor for Count {
///     fn request(&self, request: &mut OutgoingRequest<'_>) -> Result<(), Status> {
///         assert_eq!(request.method(), "example.Register.Read");
///         self.sent.fetch_add(1, Ordering::Relaxed);
///         Ok(())
///     }
///
///     fn failure(&self, _method: &'static str, failure: &NodeFailure) {
///         assert_eq!(failure.node.get(), 3);
///         self.failed.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(2).await).node(3, nobody()).build()?;
/// let count = Arc::new(Count::default());
/// let register = manager.register(Majority)?.intercept(Arc::clone(&count));
/// register.read(()).all().await.unwrap_err();
/// assert_eq!(count.sent.load(Ordering::Relaxed), 3);
/// assert_eq!(count.failed.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// ```
pub trait ClientInterceptor: Send + Sync + 'static {
    /// A request on its way to one node; it runs once for each node of a call, before the call
    /// returns. For a session it runs once, and the request is empty.
    ///
    /// # Errors
    ///
    /// A status rejects the request for this node: it is not sent, and the outcome of the node is
    /// [`NodeError::RequestRejected`]. The call goes on with the others.
    fn request(&self, request: &mut OutgoingRequest<'_>) -> Result<(), Status> {
        let _ = request;
        Ok(())
    }

    /// A reply of one node, before the quorum function sees it. It runs for each of several replies,
    /// and neither for one-way messages nor for the messages of a session.
    ///
    /// # Errors
    ///
    /// A status rejects the reply: the outcome of the node is [`NodeError::ReplyRejected`], and it
    /// counts towards no quorum. A node that may reply several times is told to stop; what it said
    /// before still stands.
    fn reply(&self, reply: &mut IncomingReply<'_>) -> Result<(), Status> {
        let _ = reply;
        Ok(())
    }

    /// A node that gives no reply, or no further one, and why. What interceptors rejected is seen
    /// here too.
    fn failure(&self, method: &'static str, failure: &NodeFailure) {
        let _ = (method, failure);
    }
}

impl<F> ClientInterceptor for F
where
    F: Fn(&mut OutgoingRequest<'_>) -> Result<(), Status> + Send + Sync + 'static,
{
    fn request(&self, request: &mut OutgoingRequest<'_>) -> Result<(), Status> {
        self(request)
    }
}

impl<I: ClientInterceptor + ?Sized> ClientInterceptor for Arc<I> {
    fn request(&self, request: &mut OutgoingRequest<'_>) -> Result<(), Status> {
        (**self).request(request)
    }

    fn reply(&self, reply: &mut IncomingReply<'_>) -> Result<(), Status> {
        (**self).reply(reply)
    }

    fn failure(&self, method: &'static str, failure: &NodeFailure) {
        (**self).failure(method, failure);
    }
}

/// The interceptors of a configuration, the outermost first. A clone shares them; without any it
/// costs nothing.
#[derive(Clone, Default)]
pub(crate) struct Interceptors(Option<Arc<[Arc<dyn ClientInterceptor>]>>);

impl Interceptors {
    /// Inside of those that are there.
    pub(crate) fn add(&mut self, interceptor: impl ClientInterceptor) {
        let added: Arc<dyn ClientInterceptor> = Arc::new(interceptor);
        self.0 = Some(self.all().iter().cloned().chain([added]).collect());
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Shows them the message for one node. Gives the moment before which it is not to be sent.
    #[inline]
    pub(super) fn request(
        &self,
        node: &Node,
        method: Method,
        envelope: &mut Envelope,
    ) -> Result<Option<Instant>, NodeError> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut request = OutgoingRequest::new(node, method, envelope);
        for interceptor in self.all() {
            interceptor.request(&mut request).map_err(NodeError::RequestRejected)?;
        }
        Ok(request.finish())
    }

    /// Shows them a reply.
    pub(super) fn reply(
        &self,
        node: &Node,
        method: Method,
        replied: Replied,
    ) -> Result<Replied, NodeError> {
        if self.is_empty() {
            return Ok(replied);
        }
        let mut reply = IncomingReply::new(node, method, replied);
        for interceptor in self.all().iter().rev() {
            interceptor.reply(&mut reply).map_err(NodeError::ReplyRejected)?;
        }
        Ok(reply.finish())
    }

    /// Tells them that a node failed.
    pub(super) fn failure(&self, method: Method, failure: impl FnOnce() -> NodeFailure) {
        if self.is_empty() {
            return;
        }
        let failure = failure();
        for interceptor in self.all().iter().rev() {
            interceptor.failure(method.name, &failure);
        }
    }

    fn all(&self) -> &[Arc<dyn ClientInterceptor>] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interceptors").field(&self.all().len()).finish()
    }
}
