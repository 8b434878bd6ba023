//! Methods as plain gRPC has them, for stock tools and for clients that are not ours.
//!
//! Each request is an HTTP/2 stream of its own, and so has no order with others, and no turn to hold.
//! A method with a reply is unary, one whose handler replies several times is server-streaming, and
//! a one-way method is unary and answers with an empty message.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::metadata::MetadataMap;
use tonic::server::{Grpc, ServerStreamingService};
use tonic::{Request, Response, Status};

use super::Call;
use super::caller::Caller;
use super::certificates::Certificates;
use super::host::Host;
use super::peer::Peer;
use super::registry::{Registry, no_method};
use super::replier::{Outlet, Said, What};
use super::reply::ReplyHead;
use super::running::Running;
use super::service::Handler;
use super::session::Answer;
use super::turn::Turn;
use crate::transport::Body;
use crate::wire::{self, BytesCodec};

/// The name of the method with this path, `package.Service.Method` of `/package.Service/Method`, if it
/// is there.
pub(super) fn method(registry: &Registry, path: &str) -> Option<String> {
    let name = method_name(path)?;
    registry.find(name.as_bytes()).is_some().then_some(name)
}

/// Answers a request for the method of that name.
///
/// The answer begins before the handler ends, also where there is one reply only: so the deadline is
/// kept here, and its status is the one that gRPC asks for.
pub(super) fn answer(host: Arc<Host>, name: String, request: http::Request<Body>) -> Answer {
    Box::pin(async move {
        let limit = host.limits.max_message_size;
        let mut grpc = Grpc::new(BytesCodec).max_decoding_message_size(limit);
        let certificates = Certificates::of(request.extensions());
        // Counted from here: reading the request takes of the deadline too.
        let deadline = wire::grpc_timeout(request.headers())
            .and_then(|timeout| Instant::now().checked_add(timeout));
        let begin = Begin { host, name, certificates, deadline };
        grpc.server_streaming(begin, request).await
    })
}

fn method_name(path: &str) -> Option<String> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    // A dot would let a part of the service's name pass as one of the method's.
    (!method.contains('.')).then(|| format!("{service}.{method}"))
}

/// Begins the handler when the message has come.
struct Begin {
    host: Arc<Host>,
    name: String,
    certificates: Certificates,
    deadline: Option<Instant>,
}

impl ServerStreamingService<Bytes> for Begin {
    type Response = Bytes;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        ready(self.begin(request).map(|handling| Response::new(handling.replies())))
    }
}

impl Begin {
    fn begin(&self, request: Request<Bytes>) -> Result<Handling, Status> {
        if self.host.stop.is_draining() {
            return Err(Status::unavailable("the server is stopping"));
        }
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(too_late());
        }
        let (registry, name) = (&self.host.registry, self.name.as_bytes());
        let handler = registry.handler(registry.find(name).ok_or_else(|| no_method(name))?);
        let (address, certificates) = (request.remote_addr(), self.certificates.clone());
        let peer = Peer { address, certificates, ..Peer::default() };
        let (caller, metadata) = (Caller::new(&self.host, peer, None), metadata_of(&request));
        let turn = Arc::new(Turn::of(caller));
        let call = Call::new(turn, handler.name, Some(metadata), self.deadline);
        Ok(Handling::new(handler, call, request.into_inner(), self))
    }
}

/// What the client said besides the message; how long it waits is no metadata of the application.
fn metadata_of(request: &Request<Bytes>) -> MetadataMap {
    let mut metadata = request.metadata().clone();
    metadata.remove(wire::GRPC_TIMEOUT);
    metadata
}

/// A request whose handler is at work. It runs when HTTP/2 asks for the next reply, and goes when the
/// client does.
struct Handling {
    running: Running,
    /// What a handler that replies several times has said; one reply waits at most.
    said: mpsc::Receiver<Said>,
    replies_often: bool,
    deadline: Option<Instant>,
    max_message_size: usize,
    returned: bool,
    ended: bool,
    _running: TaskTrackerToken,
}

impl Handling {
    fn new(handler: &Handler, call: Call, message: Bytes, begin: &Begin) -> Self {
        let (speak, said) = mpsc::channel(1);
        let mut running = Running::default();
        let outlet = || Outlet::new(ReplyHead::default(), speak);
        handler.begin(call, message, outlet, &mut running);
        Self {
            running,
            said,
            replies_often: handler.streams(),
            deadline: begin.deadline,
            max_message_size: begin.host.limits.max_message_size,
            returned: false,
            ended: false,
            _running: begin.host.stop.running.token(),
        }
    }

    fn replies(self) -> Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>> {
        Box::pin(stream::unfold(self, async |mut handling| {
            let reply = handling.next_reply().await?;
            Some((reply, handling))
        }))
    }

    /// The next reply, or the status that the handler ended with, or `None` at the end.
    async fn next_reply(&mut self) -> Option<Result<Bytes, Status>> {
        while !self.ended {
            tokio::select! { biased;
                () = passed(self.deadline) => return self.end(Err(too_late())),
                Some(Said { what, .. }) = self.said.recv() => match what {
                    What::Reply(reply) => return Some(self.limited(reply)),
                    What::Failed(status) => return self.end(Err(status)),
                    What::End => self.ended = true,
                },
                outcome = &mut self.running, if !self.returned => {
                    self.returned = true;
                    match outcome {
                        Some(outcome) => return self.end(outcome),
                        // It has said all, and the end of it.
                        None if self.replies_often => {}
                        None => return self.end(Ok(Bytes::new())),
                    }
                }
                else => self.ended = true,
            }
        }
        None
    }

    #[allow(clippy::unnecessary_wraps, reason = "it is what the caller returns")]
    fn end(&mut self, outcome: Result<Bytes, Status>) -> Option<Result<Bytes, Status>> {
        self.ended = true;
        Some(outcome.and_then(|reply| self.limited(reply)))
    }

    fn limited(&mut self, reply: Bytes) -> Result<Bytes, Status> {
        let (bytes, limit) = (reply.len(), self.max_message_size);
        if bytes <= limit {
            return Ok(reply);
        }
        self.ended = true;
        let text = format!("the reply of {bytes} bytes is over the limit of {limit}");
        Err(Status::resource_exhausted(text))
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn too_late() -> Status {
    Status::deadline_exceeded("the deadline has passed")
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use crate::observe::Scope;

    use super::*;

    #[test]
    fn a_path_names_a_method() {
        assert_eq!(method_name("/a.b.Service/Method").unwrap(), "a.b.Service.Method");
        for strange in ["", "/", "a.b.Service/Method", "/a.b.Service.Method", "/a.b/Service.Method"]
        {
            assert_eq!(method_name(strange), None, "{strange}");
        }
    }

    fn begin(deadline: Option<Instant>, is_stopping: bool) -> Result<Handling, Status> {
        let host = Host::of(Registry::default(), 0, 0, Scope::default());
        if is_stopping {
            host.stop.drain();
        }
        let (certificates, name) = (Certificates::default(), "a.B.C".to_owned());
        let begin = Begin { host, name, certificates, deadline };
        begin.begin(Request::new(Bytes::new()))
    }

    #[tokio::test]
    async fn what_comes_too_late_is_not_begun() {
        let code = |begun: Result<Handling, Status>| begun.err().map(|status| status.code());
        let past = Some(Instant::now());
        assert_eq!(code(begin(past, false)), Some(Code::DeadlineExceeded));
        assert_eq!(code(begin(None, true)), Some(Code::Unavailable));
        assert_eq!(code(begin(None, false)), Some(Code::Unimplemented));
    }
}
