use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::Instant;
use tonic::Status;
use tower::{Service as _, ServiceExt as _};

use super::called_back::CalledBack;
use super::requests::Requests;
use super::{Answer, Backoff, Callee, Connection, ConnectionState, Conversation, Route, Shared};
use crate::call::{MAX_UNREAD, Replied, ReplyTo};
use crate::error::{ConnectionError, NodeError};
use crate::observe::{EventKind, Message, apart};
use crate::wire::{self, Envelope, Hello, RpcStatus};

/// How long a closed link may still send what is queued and wait for the node to end the stream.
pub(crate) const LINGER: Duration = Duration::from_secs(5);

/// Keeps a link connected until its handle is dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    let lingered = async {
        shared.closing.cancelled().await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! { biased;
        () = keep_connected(&shared) => {}
        () = lingered => {}
    }
    shared.outbox.detach(&ConnectionError::new("the link was closed"));
    shared.outbox.fail_queued(&NodeError::Closed);
    shared.enter(ConnectionState::Closed);
}

async fn keep_connected(shared: &Arc<Shared>) {
    let mut backoff = shared.backoff.clone();
    while !is_done(shared) {
        let route = shared.route();
        tokio::select! { biased;
            cause = left(shared, &route) => {
                shared.outbox.detach(&cause);
                shared.outbox.forget_latency();
                shared.enter(ConnectionState::Disconnected(cause));
                backoff.reset();
            }
            more = once(shared, &route, &mut backoff) => if more.is_break() { return },
        }
    }
}

/// Whether the link is closed and nothing waits to be sent.
fn is_done(shared: &Shared) -> bool {
    shared.closing.is_cancelled() && !shared.outbox.has_queued()
}

/// Waits until the node is somewhere else, and says so as the end of a connection.
async fn left(shared: &Shared, route: &Route) -> ConnectionError {
    loop {
        shared.moved.notified().await;
        let now = shared.route();
        if now.address() != route.address() {
            let [from, to] = [route, &now].map(Route::address);
            return ConnectionError::new(format!("the node was moved from {from} to {to}"));
        }
    }
}

/// One attempt to connect, the connection if it is opened, and the wait that is to follow; breaks
/// when no attempt is to follow.
async fn once(shared: &Arc<Shared>, route: &Route, backoff: &mut Backoff) -> ControlFlow<()> {
    shared.enter(ConnectionState::Connecting);
    let Ended { error, worked } = connection(shared, route).await;
    if is_done(shared) {
        return ControlFlow::Break(());
    }
    shared.enter(ConnectionState::Disconnected(error));
    if worked {
        // The node was there a moment ago: the first attempt follows at once.
        backoff.reset();
        return ControlFlow::Continue(());
    }
    pause(shared, backoff).await
}

/// Waits before the next attempt; breaks when the link is closed, as nobody waits for one then.
async fn pause(shared: &Shared, backoff: &mut Backoff) -> ControlFlow<()> {
    tokio::select! { biased;
        () = shared.closing.cancelled() => ControlFlow::Break(()),
        () = tokio::time::sleep(backoff.wait()) => ControlFlow::Continue(()),
    }
}

/// How a connection ended, or that it never began.
struct Ended {
    error: ConnectionError,
    /// The node opened its side of the stream.
    worked: bool,
}

/// One connection, from the attempt to open it until it is gone.
async fn connection(shared: &Arc<Shared>, route: &Route) -> Ended {
    let line = tokio::select! { biased;
        error = abandoned(shared) => Err(error),
        line = connect(shared, route) => line,
    };
    let ended = match line {
        Ok(line) => conversation(shared, line).await,
        Err(error) => Ended { error, worked: false },
    };
    if !ended.worked {
        // Every request ends: with a reply, or with the outcome of the attempt it waited for.
        shared.outbox.attempt_failed(&NodeError::Unreachable(ended.error.clone()));
    }
    ended
}

/// Waits until the link is closed, and longer when something waits to be sent.
async fn abandoned(shared: &Shared) -> ConnectionError {
    shared.closing.cancelled().await;
    if shared.outbox.has_queued() {
        std::future::pending::<()>().await;
    }
    ConnectionError::new("the link was closed")
}

/// A way to the node that is open.
enum Line {
    Network(Connection),
    InProcess(Arc<dyn Callee>),
}

async fn connect(shared: &Shared, route: &Route) -> Result<Line, ConnectionError> {
    match route {
        Route::Dial(endpoint) => endpoint.connect(shared.pings.interval()).await.map(Line::Network),
        Route::InProcess(callee) => {
            let ready = tokio::time::timeout(shared.connect_timeout, callee.ready()).await;
            let ready = ready.map(|()| Line::InProcess(Arc::clone(callee)));
            ready
                .map_err(|_elapsed| ConnectionError::new("the server of this process does not run"))
        }
        Route::Reversed => Err(ConnectionError::new("a client can't be dialled")),
    }
}

async fn conversation(shared: &Arc<Shared>, line: Line) -> Ended {
    let mut requests = Requests::new(Arc::clone(shared), shared.outbox.attach());
    shared.enter(ConnectionState::Connected);
    let begun = Instant::now();
    let mut worked = false;
    let ended = match line {
        Line::Network(connection) => {
            let calls_back = requests.called_back();
            converse(shared, connection, requests, calls_back, &mut worked).await
        }
        Line::InProcess(callee) => {
            converse_in_process(shared, &*callee, requests, &mut worked).await
        }
    };
    let error = ended.err().unwrap_or_else(|| ConnectionError::new("the node ended the stream"));
    if !worked {
        shared.pings.ended_without_greeting(begun.elapsed());
    }
    shared.outbox.detach(&error);
    Ended { error, worked }
}

/// Opens the stream and hands each reply to the call that waits for it, until the stream ends.
async fn converse(
    shared: &Shared,
    mut connection: Connection,
    requests: Requests,
    calls_back: Option<CalledBack>,
    worked: &mut bool,
) -> Result<(), ConnectionError> {
    let hello = Hello { stream: Some(requests.stream()), ..shared.hello };
    // A peer may send its response headers only with its first reply. Requests flow meanwhile: the
    // HTTP/2 connection drives the request stream.
    let response = connection.ready().await?.call(wire::request(hello, requests)).await?;
    let opened = wire::replies(response, shared.max_message_size);
    let (hello, mut replies) = opened.map_err(ConnectionError::new)?;
    *worked = true;
    shared.greeted(hello);
    while let Some(message) = replies.next().await {
        let message = message.map_err(ConnectionError::new)?;
        match &calls_back {
            Some(calls) if message.sequence & wire::FROM_SERVER != 0 => {
                if let Some(refused) = calls.push(message) {
                    shared.outbox.answer(overloaded(refused));
                }
            }
            _ => shared.deliver(message),
        }
    }
    Ok(())
}

/// The same with the server of this process.
async fn converse_in_process(
    shared: &Shared,
    callee: &dyn Callee,
    requests: Requests,
    worked: &mut bool,
) -> Result<(), ConnectionError> {
    let Conversation { hello, mut replies } = callee.handle(shared.hello, Box::pin(requests))?;
    *worked = true;
    shared.greeted(hello);
    while let Some(reply) = replies.next().await {
        shared.deliver(reply.map_err(ConnectionError::new)?);
    }
    Ok(())
}

/// The answer to a call of the node that finds too many before it.
fn overloaded(call: Envelope) -> Envelope {
    let Envelope { sequence, method, .. } = call;
    let status = Status::resource_exhausted("the client has too many calls to handle");
    Envelope {
        sequence,
        method,
        status: Some(Box::new(RpcStatus::from(&status))),
        ..Envelope::default()
    }
}

impl Shared {
    /// The node has said, on this connection, who it is.
    fn greeted(&self, hello: Hello) {
        self.pings.greeted(hello.ours);
        self.outbox.greeted(hello);
        self.outbox.tell("", 0, EventKind::Greeted);
    }

    /// Hands a reply to the call that waits for it.
    pub(super) fn deliver(&self, reply: Envelope) {
        let sequence = reply.sequence;
        let observed = self.outbox.is_observed().then(|| apart(|| Message::answer(&reply)));
        let error = reply.status.and_then(|status| status.into_error());
        let is_end = wire::is_end(&reply.entries);
        let reply_to = self.outbox.take(sequence, is_end || error.is_some());
        if let Some(message) = observed {
            let method = reply_to.as_ref().and_then(ReplyTo::method).unwrap_or_default();
            let kind = EventKind::Received(message);
            apart(|| self.outbox.tell_message(method, sequence, kind, &reply.payload));
        }
        // Nobody waits for a late or unknown reply, nor for an answer to a one-way message.
        let Some(reply_to) = reply_to else {
            return;
        };
        let Envelope { payload, entries, .. } = reply;
        if let Some(mut status) = error {
            if !entries.is_empty() {
                *status.metadata_mut() = wire::metadata_of(entries);
            }
            reply_to.fail(NodeError::Status(status));
        } else if is_end {
            reply_to.end();
        } else if !reply_to.reply(Replied { payload, entries }) {
            // It would go on for ever.
            self.outbox.cancel(sequence, Answer::Stream);
            reply_to.fail(NodeError::Unread { replies: MAX_UNREAD });
        }
    }
}
