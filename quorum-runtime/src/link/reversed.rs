use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::outbox::Epoch;
use super::{ConnectionState, Link, Route, Settings, Shared};
use crate::call::Context as CallContext;
use crate::error::{ConnectionError, NodeError};
use crate::quorum::NodeId;
use crate::wire::{Envelope, Hello};

/// The server's end of a link to one of its clients, on the stream that the client opened.
///
/// **Invariant:** it is as long-lived as that stream. When it goes, every call ends.
#[derive(Debug)]
pub(crate) struct Reversed {
    shared: Arc<Shared>,
    epoch: Epoch,
}

impl Reversed {
    /// A link to a client that has just opened its stream and said who it is.
    pub(crate) fn open(
        node: NodeId,
        client: Hello,
        settings: &Settings,
        context: &Arc<CallContext>,
    ) -> (Link, Self) {
        // Nothing is dialled, so no wait is ever drawn.
        let unused = fastrand::Rng::with_seed(0);
        let link = Link::new(node, Route::Reversed, settings, unused, context);
        // Nothing is to be driven, either.
        link.0.started.store(true, Ordering::Release);
        let shared = Arc::clone(&link.0);
        let epoch = shared.outbox.attach();
        shared.outbox.greeted(client);
        shared.enter(ConnectionState::Connected);
        (link, Self { shared, epoch })
    }

    /// The next call of this server to the client; pending for ever once nobody can call any more.
    pub(crate) fn poll_call(&self, task: &Context<'_>) -> Poll<Envelope> {
        match self.shared.outbox.poll_pop(self.epoch, task) {
            Poll::Ready(Some(call)) => Poll::Ready(call),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// A reply of the client.
    pub(crate) fn deliver(&self, reply: Envelope) {
        self.shared.deliver(reply);
    }
}

impl Drop for Reversed {
    fn drop(&mut self) {
        let cause = ConnectionError::new("the client ended its stream");
        self.shared.outbox.close();
        self.shared.outbox.detach(&cause);
        self.shared.outbox.fail_queued(&NodeError::Disconnected(cause.clone()));
        self.shared.enter(ConnectionState::Disconnected(cause));
    }
}
