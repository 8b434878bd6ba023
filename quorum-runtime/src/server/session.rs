//! Ordered sessions: gRPC streams of their own, one handler each.

use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt as _, Stream, TryFutureExt as _, stream};
use prost::Message;
use tokio::sync::mpsc;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::body::Body;
use tonic::server::{Grpc, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::Call;
use super::caller::Caller;
use super::certificates::Certificates;
use super::host::Host;
use super::intercept::{Chain, IncomingRequest, OutgoingReply};
use super::peer::Peer;
use super::replier::Replier;
use super::running::panicked;
use super::stop::Stop;
use super::turn::Turn;
use crate::call::Method;
use crate::wire::MessageCodec;

/// What handles the sessions of one method.
#[derive(Clone)]
pub(super) struct SessionHandler {
    pub(super) method: Method,
    pub(super) chain: Chain,
    begin: Arc<BeginSession>,
}

type BeginSession = dyn Fn(http::Request<Body>, Arc<Host>, Chain) -> Answer + Send + Sync;

impl SessionHandler {
    /// Answers the HTTP request that opens a session.
    pub(super) fn begin(&self, request: http::Request<Body>, host: Arc<Host>) -> Answer {
        (self.begin)(request, host, self.chain.clone())
    }
}

pub(super) type Answer = Pin<Box<dyn Future<Output = http::Response<Body>> + Send>>;

/// The messages of the client of a session, in order.
///
/// ```
/// use quorum_runtime::{Call, Manager, Replier, Requests, Server, Status};
///
/// #[quorum_macros::service]
/// pub trait Adder {
///     fn add(&self, terms: impl Stream<Item = u64>) -> impl Stream<Item = u64>;
/// }
///
/// struct Sum;
///
/// impl Adder for Sum {
///     async fn add(
///         &self,
///         _: Call,
///         mut terms: Requests<u64>,
///         sums: Replier<u64>,
///     ) -> Result<(), Status> {
///         let mut sum = 0;
///         while let Some(term) = terms.next().await.transpose()? {
///             sum += term;
///         }
///         sums.send(sum).await
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let address = serving(Server::builder().service(AdderServer::new(Sum))).await;
/// # let manager = Manager::builder().nodes([address]).build()?;
/// let mut session = manager.node(1)?.add();
/// session.send(3).await?;
/// session.send(4).await?;
/// session.finish();
/// assert_eq!(session.next().await.expect("the sum")?, 7);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Requests<Q> {
    messages: Streaming<Q>,
    stop: Stop,
}

impl<Q> Requests<Q> {
    /// The next message, or `None` when the client has said that it is done.
    ///
    /// # Errors
    ///
    /// When the client is gone or sent what is no message, and with
    /// [`Unavailable`](tonic::Code::Unavailable) when the server is told to stop: a session has no
    /// end of its own that could be waited for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Option<Result<Q, Status>> {
        tokio::select! { biased;
            () = self.stop.draining() => Some(Err(Status::unavailable("the server is stopping"))),
            message = self.messages.message() => message.transpose(),
        }
    }
}

/// Makes the handler of a method from what the service does for one session.
pub(super) fn handler<Q, R, F>(
    method: Method,
    handle: impl Fn(Call, Requests<Q>, Replier<R>) -> F + Send + Sync + 'static,
) -> SessionHandler
where
    Q: Message + Default + 'static,
    R: Message + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let handle = Arc::new(handle);
    let begin = Arc::new(move |request, host: Arc<Host>, chain| -> Answer {
        let handle = Arc::clone(&handle);
        let limit = host.limits.max_message_size;
        let begin = Begin { method, handle, host, chain, messages: PhantomData };
        Box::pin(async move {
            let mut grpc = Grpc::new(MessageCodec::new()).max_decoding_message_size(limit);
            grpc.streaming(begin, request).await
        })
    });
    SessionHandler { method, chain: Chain::default(), begin }
}

/// Begins a session when its HTTP request has come.
struct Begin<Q, R, H> {
    method: Method,
    handle: Arc<H>,
    host: Arc<Host>,
    chain: Chain,
    messages: PhantomData<fn(Q) -> R>,
}

impl<Q, R, H, F> StreamingService<Q> for Begin<Q, R, H>
where
    Q: Message + 'static,
    R: Message + 'static,
    H: Fn(Call, Requests<Q>, Replier<R>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    type Response = Bytes;
    type ResponseStream = Replies;
    type Future = Ready<Result<Response<Replies>, Status>>;

    fn call(&mut self, request: Request<Streaming<Q>>) -> Self::Future {
        let certificates = Certificates::of(request.extensions());
        let (address, metadata) = (request.remote_addr(), request.metadata().clone());
        let peer = Peer { address, certificates, ..Peer::default() };
        let caller = Caller::new(&self.host, peer, None);
        let call = Call::new(Arc::new(Turn::of(caller)), self.method.name, Some(metadata), None);
        let stop = self.host.stop.clone();
        let requests = Requests { messages: request.into_inner(), stop };
        // One reply waits at most: the handler goes on when HTTP/2 asks for the next.
        let (replies, said) = mpsc::channel(1);
        let replier = Replier::of_session(replies, self.host.limits.max_message_size);
        let (handle, method) = (Arc::clone(&self.handle), self.method.name);
        let handled = move |call| {
            AssertUnwindSafe(handle(call, requests, replier))
                .catch_unwind()
                .map(move |outcome| outcome.unwrap_or_else(|panic| Err(panicked(method, &*panic))))
        };
        let handler: Handling = if self.chain.is_empty() {
            Box::pin(handled(call))
        } else {
            let request = IncomingRequest { call, payload: Bytes::new() };
            let handled = |request: IncomingRequest| {
                handled(request.call).map_ok(|()| OutgoingReply::default())
            };
            Box::pin(self.chain.clone().run(request, handled).map_ok(drop))
        };
        let (stop, running) = (self.host.stop.clone(), self.host.stop.running.token());
        let speaking = Speaking { handler, said, ended: false, stop, _running: running };
        ready(Ok(Response::new(speaking.replies())))
    }
}

type Handling = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// A session whose handler is at work.
struct Speaking {
    handler: Handling,
    said: mpsc::Receiver<Bytes>,
    ended: bool,
    /// Ends the session at once. Where there is a connection, that is cut too.
    stop: Stop,
    _running: TaskTrackerToken,
}

impl Speaking {
    fn replies(self) -> Replies {
        Box::pin(stream::unfold(self, async |mut speaking| {
            let reply = speaking.next_reply().await?;
            Some((reply, speaking))
        }))
    }

    /// The handler's next reply; after its last one the status that it ended with, if it failed.
    async fn next_reply(&mut self) -> Option<Result<Bytes, Status>> {
        if !self.ended {
            tokio::select! { biased;
                () = self.stop.cut() => {
                    self.ended = true;
                    self.said.close();
                    return Some(Err(Status::unavailable("the server has stopped")));
                }
                Some(reply) = self.said.recv() => return Some(Ok(reply)),
                outcome = &mut self.handler => {
                    self.ended = true;
                    self.said.close();
                    if let Err(status) = outcome {
                        return Some(Err(status));
                    }
                }
            }
        }
        self.said.recv().await.map(Ok)
    }
}

type Replies = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;
