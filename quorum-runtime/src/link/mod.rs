//! The client's side of the ordered stream to one node, across reconnects.
//!
//! ```text
//!  callers ──send──▶ outbox (queue, pending) ──▶ request stream ─┐
//!                        ▲                                       │  HTTP/2 connection
//!  callers ◀─deliver─────┴──────────── driver ◀── reply stream ──┘
//! ```
//!
//! **Invariant:** one queue and one stream per node, so the order of sending is the order of the
//! calls. **Invariant:** what was handed to a connection that breaks is reported, or sent again where its
//! method allows that, and never both.

mod backoff;
mod delivery;
mod driver;
mod endpoint;
mod events;
mod latency;
mod outbox;
mod state;
mod tasks;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use crate::call::Context;
use crate::error::ConnectionError;
use crate::quorum::NodeId;

pub(crate) use backoff::Backoff;
pub(crate) use delivery::{Answer, Delivery, Outgoing};
pub(crate) use endpoint::endpoint;
pub(crate) use events::News;
pub use events::{ConnectionEvent, ConnectionEvents, Missed};
pub(crate) use outbox::Limits;
pub use state::ConnectionState;
pub(crate) use tasks::Tasks;

use outbox::Outbox;

/// How links behave; the same for all nodes of a manager.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) max_message_size: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) backoff_min: Duration,
    pub(crate) backoff_max: Duration,
}

/// A handle on the link to one node. Dropping it [closes](Self::close) the link.
#[derive(Debug)]
pub(crate) struct Link(Arc<Shared>);

/// What the handle and the driver share.
#[derive(Debug)]
struct Shared {
    node: NodeId,
    /// Where the node is; the next connection goes there.
    endpoint: Mutex<Endpoint>,
    /// Tells the driver that the endpoint was changed.
    moved: Notify,
    outbox: Outbox,
    state: watch::Sender<ConnectionState>,
    closing: CancellationToken,
    max_message_size: usize,
    backoff: Backoff,
    /// The driver runs or has run, or will not any more because the link was closed before.
    started: AtomicBool,
    context: Arc<Context>,
}

impl Link {
    pub(crate) fn new(
        node: NodeId,
        endpoint: Endpoint,
        settings: &Settings,
        random: fastrand::Rng,
        context: &Arc<Context>,
    ) -> Self {
        Self(Arc::new(Shared {
            node,
            endpoint: Mutex::new(endpoint.executor(context.tasks.clone())),
            moved: Notify::new(),
            outbox: Outbox::new(settings.limits),
            state: watch::Sender::new(ConnectionState::Idle),
            closing: CancellationToken::new(),
            max_message_size: settings.max_message_size,
            backoff: Backoff::new(settings.backoff_min, settings.backoff_max, random),
            started: AtomicBool::new(false),
            context: Arc::clone(context),
        }))
    }

    /// Starts to connect, if nothing has before.
    pub(crate) fn connect(&self) {
        if self.0.started.load(Ordering::Relaxed) {
            return;
        }
        // Before the link counts as started: who closes it and finds it started waits for the task.
        let task = self.0.context.tasks.link(driver::run(Arc::clone(&self.0)));
        if !self.0.started.swap(true, Ordering::AcqRel) {
            task.spawn();
        }
    }

    /// Puts a message at the end of the queue. A message that finds no room fails at once, for
    /// this node.
    pub(crate) fn send(&self, outgoing: Outgoing) {
        self.connect();
        self.0.outbox.push(outgoing);
    }

    /// Forgets who waits for the reply to this call.
    pub(crate) fn forget(&self, sequence: u64) {
        self.0.outbox.forget(sequence);
    }

    /// A further connection to the node, besides the one that the link keeps.
    pub(crate) async fn extra_connection(&self) -> Result<Channel, ConnectionError> {
        self.0.endpoint().connect().await.map_err(ConnectionError::new)
    }

    /// Stops a call whose node may reply several times.
    pub(crate) fn cancel(&self, sequence: u64) {
        self.0.outbox.cancel(sequence);
    }

    /// How long the node takes to reply, if that is known.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.0.outbox.latency()
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.0.state.borrow().clone()
    }

    /// Further connections go to this endpoint. The one that is open stays until the link is told
    /// to [`follow`](Self::follow).
    pub(crate) fn point_to(&self, endpoint: Endpoint) {
        let endpoint = endpoint.executor(self.0.context.tasks.clone());
        *self.0.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = endpoint;
    }

    /// Leaves a connection to where the node is no more.
    pub(crate) fn follow(&self) {
        self.0.moved.notify_one();
    }

    /// Waits until one more request would find room in the queue, or the link is closed.
    pub(crate) async fn room(&self) {
        self.0.outbox.room().await;
    }

    /// Whether one more request would find room in the queue, or the link is closed.
    pub(crate) fn has_room(&self) -> bool {
        self.0.outbox.has_room()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.closing.is_cancelled()
    }

    /// Takes no more messages. What is queued is still sent, for a short while, and then the
    /// connection ends.
    pub(crate) fn close(&self) {
        self.0.outbox.close();
        self.0.closing.cancel();
        if !self.0.started.swap(true, Ordering::AcqRel) {
            self.0.enter(ConnectionState::Closed);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn endpoint(&self) -> Endpoint {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every change of the state goes through here, so that who waits for it or listens is told.
    fn enter(&self, state: ConnectionState) {
        self.state.send_replace(state.clone());
        self.context.news.tell(self.node, state);
    }
}
