use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::{Request, Status, Streaming};

use super::outbox::Epoch;
use super::{Backoff, Connection, ConnectionState, Shared};
use crate::call::MAX_UNREAD;
use crate::error::{ConnectionError, NodeError};
use crate::wire::{self, Envelope, EnvelopeCodec};

/// How long a closed link may still send what is queued and wait for the node to end the stream.
const LINGER: Duration = Duration::from_secs(5);

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
    shared.state.send_replace(ConnectionState::Idle);
}

async fn keep_connected(shared: &Arc<Shared>) {
    let mut backoff = shared.backoff.clone();
    loop {
        shared.state.send_replace(ConnectionState::Connecting);
        let Ended { error, worked } = connection(shared).await;
        tracing::debug!(node = %shared.endpoint.uri(), %error, "disconnected");
        shared.state.send_replace(ConnectionState::Disconnected(error));
        if worked {
            // The node was there a moment ago: the first attempt follows at once.
            backoff.reset();
        } else if pause(shared, &mut backoff).await.is_break() {
            return;
        }
        if shared.closing.is_cancelled() && !shared.outbox.has_queued() {
            return;
        }
    }
}

/// Waits before the next attempt; breaks when the link is closed, as nobody waits for one then.
async fn pause(shared: &Shared, backoff: &mut Backoff) -> std::ops::ControlFlow<()> {
    tokio::select! { biased;
        () = shared.closing.cancelled() => std::ops::ControlFlow::Break(()),
        () = tokio::time::sleep(backoff.wait()) => std::ops::ControlFlow::Continue(()),
    }
}

/// How a connection ended, or that it never began.
struct Ended {
    error: ConnectionError,
    /// The node opened its side of the stream.
    worked: bool,
}

/// One connection, from the attempt to open it until it is gone.
async fn connection(shared: &Arc<Shared>) -> Ended {
    let ended = match shared.endpoint.connect().await {
        Ok(channel) => conversation(shared, channel).await,
        Err(error) => Ended { error, worked: false },
    };
    if !ended.worked {
        // Every request ends: with a reply, or with the outcome of the attempt it waited for.
        shared.outbox.attempt_failed(&NodeError::Unreachable(ended.error.clone()));
    }
    ended
}

async fn conversation(shared: &Arc<Shared>, channel: Connection) -> Ended {
    let requests = Requests { shared: Arc::clone(shared), epoch: shared.outbox.attach() };
    shared.state.send_replace(ConnectionState::Connected);
    tracing::debug!(node = %shared.endpoint.uri(), "connected");
    let mut worked = false;
    let error = match converse(shared, channel, requests, &mut worked).await {
        Ok(()) => ConnectionError::new("the node ended the stream"),
        Err(status) => ConnectionError::new(status),
    };
    shared.outbox.detach(&error);
    Ended { error, worked }
}

/// Opens the stream and hands each reply to the call that waits for it, until the stream ends.
async fn converse(
    shared: &Shared,
    channel: Connection,
    requests: Requests,
    worked: &mut bool,
) -> Result<(), Status> {
    let mut client = Grpc::new(channel).max_decoding_message_size(shared.max_message_size);
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let mut request = Request::new(requests);
    wire::announce(request.metadata_mut());
    let path = PathAndQuery::from_static(wire::PATH);
    // A peer may send its response headers only with its first reply. Requests flow meanwhile: the
    // HTTP/2 connection drives the request stream.
    let response = client.streaming(request, path, EnvelopeCodec).await?;
    *worked = true;
    shared.outbox.announced(wire::announced(response.metadata()));
    let mut replies: Streaming<Envelope> = response.into_inner();
    while let Some(reply) = replies.message().await? {
        deliver(shared, reply);
    }
    Ok(())
}

fn deliver(shared: &Shared, reply: Envelope) {
    let sequence = reply.sequence;
    let error = reply.status.and_then(wire::RpcStatus::into_error);
    let is_end = wire::is_end(&reply.entries);
    // Nobody waits for a late or unknown reply, nor for an answer to a one-way message.
    let Some(reply_to) = shared.outbox.take(sequence, is_end || error.is_some()) else {
        return;
    };
    if let Some(status) = error {
        reply_to.fail(NodeError::Status(status));
    } else if is_end {
        reply_to.end();
    } else if !reply_to.reply(reply.payload) {
        shared.outbox.forget(sequence);
        reply_to.fail(NodeError::Unread { replies: MAX_UNREAD });
    }
}

/// The queue of a link as the request stream of one connection.
struct Requests {
    shared: Arc<Shared>,
    epoch: Epoch,
}

impl Stream for Requests {
    type Item = Envelope;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Envelope>> {
        self.shared.outbox.poll_pop(self.epoch, task)
    }
}
