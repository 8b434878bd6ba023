use std::any::Any;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use prost::Message;
use tonic::Status;

use super::Call;
use super::registry::Registry;
use super::replier::{Outlet, Replier};
use super::running::{Running, panicked};
use super::session::{self, Requests};
use crate::call::Method;
use crate::link::{Answer, Delivery};

/// A service that a [`Server`](crate::Server) can serve. Generated adapters implement it; by hand
/// it makes one service of several.
///
/// ```
/// use quorum_runtime::{Manager, Methods, Server, Service};
///
/// /// What a node serves, which has a register or has none.
/// struct Parts(Option<Replica>);
///
/// impl Service for Parts {
///     fn register(self, methods: &mut Methods<'_>) {
///         if let Some(replica) = self.0 {
///             RegisterServer::new(replica).register(methods);
///         }
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let address = serving(Server::builder().service(Parts(Some(Replica::new())))).await;
/// let manager = Manager::builder().nodes([address]).build()?;
/// manager.node(1)?.read(()).await?;
/// # Ok(())
/// # }
/// ```
pub trait Service {
    /// Names the methods of the service and what handles each.
    fn register(self, methods: &mut Methods<'_>);
}

/// The methods of a server, as a [`Service`] names them.
///
/// A program hands it on, and generated code fills it.
///
/// ```
/// use quorum_runtime::{Manager, Methods, Server, Service};
///
/// /// Says which services a server has.
/// struct Both<One, Other>(One, Other);
///
/// impl<One: Service, Other: Service> Service for Both<One, Other> {
///     fn register(self, methods: &mut Methods<'_>) {
///         self.0.register(methods);
///         self.1.register(methods);
///     }
/// }
/// # struct Nothing;
/// # impl Service for Nothing {
/// #     fn register(self, _: &mut Methods<'_>) {}
/// # }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let other = Nothing;
/// let both = Both(RegisterServer::new(Replica::new()), other);
/// # let address = serving(Server::builder().service(both)).await;
/// # Manager::builder().nodes([address]).build()?.node(1)?.read(()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Methods<'a>(pub(super) &'a mut Registry);

/// What came of a request: nothing for a one-way message, else an encoded reply or a status.
pub(super) type Outcome = Option<Result<Bytes, Status>>;

/// What handles the requests of one method.
#[derive(Clone)]
pub(super) struct Handler {
    /// `package.Service.Method`.
    pub(super) name: &'static str,
    pub(super) answer: Answer,
    pub(super) begin: Begin,
    /// Holds the turn of its client.
    pub(super) ordered: bool,
}

/// Begins to handle an encoded request.
#[derive(Clone)]
pub(super) enum Begin {
    /// With one reply at most.
    Once(Arc<Once>),
    /// With several replies, which leave by the outlet. Such a handler stops when nobody wants to hear
    /// more.
    Stream(Arc<Stream>),
}

pub(super) type Once = dyn Fn(Call, Bytes, &mut Running) + Send + Sync;
pub(super) type Stream = dyn Fn(Call, Bytes, Outlet, &mut Running) + Send + Sync;

impl Handler {
    /// One that is never begun.
    #[cfg(test)]
    pub(super) fn idle(name: &'static str) -> Self {
        let begin = Begin::Once(Arc::new(|_, _, _| {}));
        Self { name, answer: Answer::Once, begin, ordered: true }
    }

    /// May reply several times.
    pub(super) const fn streams(&self) -> bool {
        matches!(self.begin, Begin::Stream(_))
    }

    /// Puts the handling of a request where it is to run.
    pub(super) fn begin(
        &self,
        call: Call,
        payload: Bytes,
        outlet: impl FnOnce() -> Outlet,
        running: &mut Running,
    ) {
        match &self.begin {
            Begin::Once(begin) => begin(call, payload, running),
            Begin::Stream(begin) => begin(call, payload, outlet(), running),
        }
    }
}

impl Methods<'_> {
    #[doc(hidden)]
    pub fn two_way<Q, R, F>(
        &mut self,
        method: Method,
        handle: impl Fn(Call, Q) -> F + Send + Sync + 'static,
    ) where
        Q: Message + Default + 'static,
        R: Message,
        F: Future<Output = Result<R, Status>> + Send + 'static,
    {
        self.add_once(method, move |call, bytes, running| match decode(method, bytes) {
            Ok(request) => {
                let encode = |reply: R| reply.encode_to_vec().into();
                let outcome = handle(call, request).map(move |reply| Some(reply.map(encode)));
                running.set(method.name, outcome);
            }
            Err(status) => running.set(method.name, refused(status)),
        });
    }

    #[doc(hidden)]
    pub fn one_way<Q, F>(
        &mut self,
        method: Method,
        handle: impl Fn(Call, Q) -> F + Send + Sync + 'static,
    ) where
        Q: Message + Default + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.add_once(method, move |call, bytes, running| match decode(method, bytes) {
            Ok(request) => {
                running.set(method.name, handle(call, request).map(|()| None));
            }
            Err(status) => running.set(method.name, refused(status)),
        });
    }

    #[doc(hidden)]
    pub fn session<Q, R, F>(
        &mut self,
        method: Method,
        handle: impl Fn(Call, Requests<Q>, Replier<R>) -> F + Send + Sync + 'static,
    ) where
        Q: Message + Default + 'static,
        R: Message + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.0.add_session(session::handler(method, handle));
    }

    #[doc(hidden)]
    pub fn streams<Q, R, F>(
        &mut self,
        method: Method,
        handle: impl Fn(Call, Q, Replier<R>) -> F + Send + Sync + 'static,
    ) where
        Q: Message + Default + 'static,
        R: Message,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        let name = method.name;
        let begin = move |call, bytes, outlet: Outlet, running: &mut Running| {
            let request = match decode(method, bytes) {
                Ok(request) => request,
                Err(status) => return running.set(name, refused(status)),
            };
            let replied = handle(call, request, Replier::new(outlet.clone()));
            running.set(name, async move {
                // A panic is an error like any other; the end leaves behind the last reply.
                let caught = AssertUnwindSafe(replied).catch_unwind().await;
                outlet.finish(caught.unwrap_or_else(|panic| Err(panicked(name, &*panic)))).await;
                None
            });
        };
        self.add(method, Begin::Stream(Arc::new(begin)));
    }

    fn add_once(
        &mut self,
        method: Method,
        begin: impl Fn(Call, Bytes, &mut Running) + Send + Sync + 'static,
    ) {
        self.add(method, Begin::Once(Arc::new(begin)));
    }

    fn add(&mut self, method: Method, begin: Begin) {
        let Delivery { answer, ordered, .. } = method.delivery;
        self.0.add_handler(Handler { name: method.name, answer, begin, ordered });
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handler").field(&self.name).finish()
    }
}

fn decode<Q: Message + Default>(method: Method, bytes: Bytes) -> Result<Q, Status> {
    Q::decode(bytes).map_err(|error| {
        Status::invalid_argument(format!("no request of `{}`: {error}", method.name))
    })
}

/// An error is answered even where a reply would not be.
fn refused(status: Status) -> Ready<Outcome> {
    ready(Some(Err(status)))
}

/// What a panic said.
pub(super) fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
