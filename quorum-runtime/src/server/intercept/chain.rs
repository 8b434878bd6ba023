use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tonic::Status;

use super::{IncomingRequest, Next, OutgoingReply, ServerInterceptor};
use crate::link::Answer;
use crate::server::call::Call;
use crate::server::replier::Outlet;
use crate::server::running::Running;
use crate::server::service::{Begin, Handler, Once, Outcome, Stream, message_of};
use crate::server::turn::Turn;

/// An interceptor whose type is forgotten.
pub(super) trait Erased: Send + Sync {
    fn handle<'a>(
        &'a self,
        request: IncomingRequest,
        next: Next<'a>,
    ) -> BoxFuture<'a, Result<OutgoingReply, Status>>;
}

impl<I: ServerInterceptor> Erased for I {
    fn handle<'a>(
        &'a self,
        request: IncomingRequest,
        next: Next<'a>,
    ) -> BoxFuture<'a, Result<OutgoingReply, Status>> {
        Box::pin(ServerInterceptor::handle(self, request, next))
    }
}

/// Interceptors around a handler, the outermost first.
#[derive(Clone, Default)]
pub(in crate::server) struct Chain(Arc<[Arc<dyn Erased>]>);

impl Chain {
    /// Inside of those that are there.
    pub(in crate::server) fn add(&mut self, interceptor: impl ServerInterceptor) {
        let added: Arc<dyn Erased> = Arc::new(interceptor);
        self.0 = self.0.iter().cloned().chain([added]).collect();
    }

    /// Stands around another one.
    pub(in crate::server) fn around(&self, inner: &Self) -> Self {
        Self(self.0.iter().chain(&*inner.0).cloned().collect())
    }

    pub(in crate::server) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The handler inside of these interceptors.
    pub(in crate::server) fn around_handler(&self, handler: &mut Handler) {
        let (chain, name) = (self.clone(), handler.name);
        let answers = handler.answer == Answer::Once;
        handler.begin = match handler.begin.clone() {
            Begin::Once(begin) => Begin::Once(Arc::new(move |call, payload, running| {
                let turn = Arc::clone(call.turn());
                running.set(name, chain.clone().answer(&begin, answers, call, payload, turn));
            })),
            Begin::Stream(begin) => {
                Begin::Stream(Arc::new(move |call, payload, outlet, running| {
                    running.set(name, chain.clone().stream(&begin, call, payload, outlet));
                }))
            }
        };
    }

    /// Handles a request that has one reply, or none.
    fn answer(
        self,
        begin: &Arc<Once>,
        answers: bool,
        call: Call,
        payload: Bytes,
        turn: Arc<Turn>,
    ) -> impl Future<Output = Outcome> + Send + use<> {
        let (begin, of_handler) = (Arc::clone(begin), Arc::clone(&turn));
        let handled = self.run(IncomingRequest { call, payload }, async move |request| {
            let IncomingRequest { call, payload } = request;
            let mut running = Running::default();
            begin(call, payload, &mut running);
            let payload = running.await.transpose()?.unwrap_or_default();
            let metadata = of_handler.take_reply_metadata().unwrap_or_default();
            Ok(OutgoingReply { metadata, payload })
        });
        async move {
            match handled.await {
                Ok(OutgoingReply { metadata, payload }) if answers => {
                    turn.set_reply_metadata(metadata);
                    Some(Ok(payload))
                }
                Ok(_) => None,
                Err(status) => Some(Err(status)),
            }
        }
    }

    /// Handles a request that has several replies, which pass by.
    fn stream(
        self,
        begin: &Arc<Stream>,
        call: Call,
        payload: Bytes,
        outlet: Outlet,
    ) -> impl Future<Output = Outcome> + Send + use<> {
        let end = Arc::new(OnceLock::new());
        let (begin, inside) = (Arc::clone(begin), outlet.with_end(&end));
        let handled = self.run(IncomingRequest { call, payload }, async move |request| {
            let IncomingRequest { call, payload } = request;
            let mut running = Running::default();
            begin(call, payload, inside, &mut running);
            // A request that can't be decoded has an outcome, any other has an end.
            running.await.transpose()?;
            end.get().cloned().unwrap_or(Ok(())).map(|()| OutgoingReply::default())
        });
        async move {
            outlet.finish(handled.await.map(drop)).await;
            None
        }
    }

    /// Hands a request through the interceptors to what handles it behind them.
    pub(in crate::server) fn run<F>(
        self,
        request: IncomingRequest,
        handle: impl FnOnce(IncomingRequest) -> F + Send + 'static,
    ) -> impl Future<Output = Result<OutgoingReply, Status>> + Send
    where
        F: Future<Output = Result<OutgoingReply, Status>> + Send + 'static,
    {
        let method = request.method();
        let handled = async move {
            let handler = Box::new(|request| handle(request).boxed());
            Next { rest: &self.0, handler }.run(request).await
        };
        // Handlers catch their own panics.
        AssertUnwindSafe(handled).catch_unwind().map(move |handled| {
            handled.unwrap_or_else(|panic| {
                let reason = message_of(&*panic);
                tracing::error!(method, reason, "an interceptor panicked");
                Err(Status::internal(format!("an interceptor panicked: {reason}")))
            })
        })
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chain").field(&self.0.len()).finish()
    }
}
