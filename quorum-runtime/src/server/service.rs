use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use prost::Message;
use tonic::Status;

use super::Call;
use super::intercept::Chain;
use super::replier::{Outlet, Replier};
use super::session::{self, Requests, SessionHandler};
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
pub(super) type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

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

pub(super) type Once = dyn Fn(Call, Bytes) -> Running + Send + Sync;
pub(super) type Stream = dyn Fn(Call, Bytes, Outlet) -> Running + Send + Sync;

impl Handler {
    /// May reply several times.
    pub(super) const fn streams(&self) -> bool {
        matches!(self.begin, Begin::Stream(_))
    }

    pub(super) fn begin(
        &self,
        call: Call,
        payload: Bytes,
        outlet: impl FnOnce() -> Outlet,
    ) -> Running {
        match &self.begin {
            Begin::Once(begin) => begin(call, payload),
            Begin::Stream(begin) => begin(call, payload, outlet()),
        }
    }
}

/// The handlers by the names of their methods.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    /// It is never iterated where the order could be seen.
    handlers: HashMap<&'static [u8], Arc<Handler>>,
    /// By the paths of plain gRPC, in the same way.
    sessions: HashMap<String, SessionHandler>,
    /// A method that two services claim.
    claimed_twice: Option<&'static str>,
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
        self.add_once(method, move |call, bytes| match decode(method, bytes) {
            Ok(request) => {
                let reply = handle(call, request);
                let encoded = async { Some(reply.await.map(|reply| reply.encode_to_vec().into())) };
                guarded(method, encoded)
            }
            Err(status) => refused(status),
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
        self.add_once(method, move |call, bytes| match decode(method, bytes) {
            Ok(request) => guarded(method, handle(call, request).map(|()| None)),
            Err(status) => refused(status),
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
        let handler = session::handler(method, handle);
        if self.0.sessions.insert(method.path(), handler).is_some() {
            self.0.claimed_twice = Some(method.name);
        }
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
        let begin = move |call, bytes, outlet: Outlet| match decode(method, bytes) {
            Ok(request) => {
                let replied = handle(call, request, Replier::new(outlet.clone()));
                // A panic is an error like any other; the end leaves behind the last reply.
                let replied =
                    guarded(method, replied.map(|result| Some(result.map(|()| Bytes::new()))));
                Box::pin(async move {
                    outlet.finish(replied.await.unwrap_or(Ok(Bytes::new())).map(drop)).await;
                    None
                })
            }
            Err(status) => refused(status),
        };
        self.add(method, Begin::Stream(Arc::new(begin)));
    }

    fn add_once(
        &mut self,
        method: Method,
        begin: impl Fn(Call, Bytes) -> Running + Send + Sync + 'static,
    ) {
        self.add(method, Begin::Once(Arc::new(begin)));
    }

    fn add(&mut self, method: Method, begin: Begin) {
        let Delivery { answer, ordered, .. } = method.delivery;
        let handler = Handler { name: method.name, answer, begin, ordered };
        let registry = &mut *self.0;
        if registry.handlers.insert(method.name.as_bytes(), Arc::new(handler)).is_some() {
            registry.claimed_twice = Some(method.name);
        }
    }
}

impl Registry {
    /// Adds the methods of a service.
    pub(crate) fn add(&mut self, service: impl Service) {
        service.register(&mut Methods(self));
    }

    /// Puts interceptors around all methods that are there.
    pub(super) fn intercept(&mut self, chain: &Chain) {
        self.handlers.values_mut().for_each(|handler| chain.around_handler(Arc::make_mut(handler)));
        self.sessions.values_mut().for_each(|session| session.chain = chain.around(&session.chain));
    }

    /// Takes over the methods of another.
    pub(super) fn append(&mut self, other: Self) {
        for handler in other.handlers.into_values() {
            let name = handler.name;
            if self.handlers.insert(name.as_bytes(), handler).is_some() {
                self.claim_again(name);
            }
        }
        for (path, session) in other.sessions {
            let name = session.method.name;
            if self.sessions.insert(path, session).is_some() {
                self.claim_again(name);
            }
        }
        other.claimed_twice.into_iter().for_each(|name| self.claim_again(name));
    }

    /// Of several such methods the first in the alphabet is named.
    fn claim_again(&mut self, name: &'static str) {
        self.claimed_twice = self.claimed_twice.into_iter().chain([name]).min();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.handlers.is_empty() && self.sessions.is_empty()
    }

    pub(crate) const fn claimed_twice(&self) -> Option<&'static str> {
        self.claimed_twice
    }

    /// Whether a method of the service with this name is there.
    pub(super) fn has_service(&self, name: &str) -> bool {
        let is_of = |method: &str| {
            method
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| !rest.contains('.'))
        };
        let path = format!("/{name}/");
        self.handlers.values().any(|handler| is_of(handler.name))
            || self.sessions.keys().any(|session| session.starts_with(&path))
    }

    /// What begins a session on this path, if its method is one.
    pub(super) fn session(&self, path: &str) -> Option<&SessionHandler> {
        self.sessions.get(path)
    }

    /// The name of a method, as its service spells it where it is there.
    pub(super) fn name(&self, name: &[u8]) -> Cow<'static, str> {
        match self.handlers.get(name) {
            Some(handler) => Cow::Borrowed(handler.name),
            None => Cow::Owned(String::from_utf8_lossy(name).into_owned()),
        }
    }

    /// The handler of the method with this name.
    pub(super) fn find(&self, name: &[u8]) -> Result<&Arc<Handler>, Status> {
        self.handlers.get(name).ok_or_else(|| {
            let name = String::from_utf8_lossy(name);
            Status::unimplemented(format!("there is no method `{name}` here"))
        })
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handler").field(&self.name).finish()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.handlers.values().map(|handler| handler.name).collect();
        names.sort_unstable();
        f.debug_set().entries(names).finish()
    }
}

fn decode<Q: Message + Default>(method: Method, bytes: Bytes) -> Result<Q, Status> {
    Q::decode(bytes).map_err(|error| {
        Status::invalid_argument(format!("no request of `{}`: {error}", method.name))
    })
}

/// An error is answered even where a reply would not be.
fn refused(status: Status) -> Running {
    Box::pin(std::future::ready(Some(Err(status))))
}

/// A handler that panics answers with a status: its client would wait for ever, and the other
/// requests of its connection would fall with it.
fn guarded(method: Method, outcome: impl Future<Output = Outcome> + Send + 'static) -> Running {
    let caught = AssertUnwindSafe(outcome).catch_unwind();
    Box::pin(
        caught
            .map(move |result| result.unwrap_or_else(|panic| Some(Err(panicked(method, &*panic))))),
    )
}

/// What the client of a handler that panicked is told.
pub(super) fn panicked(method: Method, panic: &(dyn Any + Send)) -> Status {
    let reason = message_of(panic);
    tracing::error!(method = method.name, reason, "a handler panicked");
    Status::internal(format!("the handler panicked: {reason}"))
}

/// What a panic said.
pub(super) fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}
