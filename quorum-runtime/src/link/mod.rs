//! The client's side of the ordered stream to one node, across reconnects.
//!
//! ```text
//!  callers ──send──▶ outbox (queue, pending) ──▶ request stream ─┐
//!                        ▲                                       │  HTTP/2 connection
//!  callers ◀─deliver─────┴──────────── driver ◀── reply stream ──┘
//! ```
//!
//! The node may be this process: then the two streams lead to its server directly. And a server that
//! calls its client back has a [`Reversed`] link, on the stream that the client opened.
//!
//! **Invariant:** one queue and one stream per node, so the order of sending is the order of the
//! calls. **Invariant:** what was handed to a connection that breaks is reported, or sent again where its
//! method allows that, and never both.

mod backoff;
mod called_back;
mod connection;
mod delivery;
mod driver;
mod endpoint;
mod events;
mod latency;
mod link_id;
mod losses;
pub(crate) mod outbox;
mod pings;
mod requests;
mod reversed;
mod route;
mod state;
mod tasks;
mod tls;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::call::Context;
use crate::error::ConnectionError;
use crate::observe::{EventKind, Line, Process, Scope};
use crate::quorum::NodeId;
use crate::transport::Layers;
use crate::wire::{Hello, KEEP_ALIVE, KEEP_ALIVE_TIMEOUT, MAX_MESSAGE_SIZE};

pub(crate) use backoff::Backoff;
pub(crate) use connection::Connection;
pub(crate) use delivery::{Answer, Delivery, Outgoing};
pub(crate) use endpoint::{Endpoint, endpoint};
pub(crate) use events::News;
pub use events::{ConnectionEvent, ConnectionEvents, Missed};
pub use losses::Losses;
pub(crate) use outbox::Limits;
pub(crate) use reversed::Reversed;
pub(crate) use route::{Callee, Conversation, RequestStream, Route};
pub use state::ConnectionState;
pub(crate) use tasks::Tasks;
pub(crate) use tls::Tls;

use link_id::link_id;
use outbox::Outbox;
use pings::Pings;

/// How links behave; the same for all nodes of a manager.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) max_message_size: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) backoff_min: Duration,
    pub(crate) backoff_max: Duration,
    /// How often an HTTP/2 ping asks whether the node is still there, also while nothing is sent,
    /// and how long the node may take to answer it.
    pub(crate) keep_alive: Duration,
    pub(crate) keep_alive_timeout: Duration,
    pub(crate) tls: Tls,
    pub(crate) layers: Layers,
    /// What this process says of itself when it opens a stream.
    pub(crate) hello: Hello,
    /// What handles the calls of the node to this process, on the stream that this process opened.
    pub(crate) callee: Option<Arc<dyn Callee>>,
    /// Who sees what happens.
    pub(crate) scope: Scope,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits { requests: 16_384, bytes: 64 * 1024 * 1024 },
            max_message_size: MAX_MESSAGE_SIZE,
            connect_timeout: Duration::from_secs(5),
            backoff_min: Duration::from_millis(50),
            backoff_max: Duration::from_secs(1),
            keep_alive: KEEP_ALIVE,
            keep_alive_timeout: KEEP_ALIVE_TIMEOUT,
            tls: Tls::default(),
            layers: Layers::default(),
            hello: Hello { ours: true, ..Hello::default() },
            callee: None,
            scope: Scope::default(),
        }
    }
}

/// A handle on the link to one node. Dropping it [closes](Self::close) the link.
#[derive(Debug)]
pub(crate) struct Link(Arc<Shared>);

/// What the handle and the driver share.
#[derive(Debug)]
struct Shared {
    node: NodeId,
    /// How the node is reached by the next connection.
    route: Mutex<Route>,
    /// Tells the driver that the route was changed.
    moved: Notify,
    hello: Hello,
    /// Tells this link from all others.
    id: u64,
    callee: Option<Arc<dyn Callee>>,
    outbox: Outbox,
    state: watch::Sender<ConnectionState>,
    closing: CancellationToken,
    max_message_size: usize,
    connect_timeout: Duration,
    backoff: Backoff,
    pings: Pings,
    /// The driver runs or has run, or will not any more because the link was closed before.
    started: AtomicBool,
    context: Arc<Context>,
}

impl Link {
    pub(crate) fn new(
        node: NodeId,
        route: Route,
        settings: &Settings,
        mut random: fastrand::Rng,
        context: &Arc<Context>,
    ) -> Self {
        let line = Line::new(&settings.scope, Process { node: Some(node), incarnation: None });
        Self(Arc::new(Shared {
            node,
            route: Mutex::new(route.with_tasks(&context.tasks)),
            moved: Notify::new(),
            hello: settings.hello,
            id: link_id(&mut random),
            callee: settings.callee.clone(),
            outbox: Outbox::new(settings.limits).observed(line),
            state: watch::Sender::new(ConnectionState::Idle),
            closing: CancellationToken::new(),
            max_message_size: settings.max_message_size,
            connect_timeout: settings.connect_timeout,
            backoff: Backoff::new(settings.backoff_min, settings.backoff_max, random),
            pings: Pings::new(settings.keep_alive),
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

    /// The time of this call is over.
    pub(crate) fn expire(&self, sequence: u64) {
        self.0.outbox.expire(sequence);
    }

    /// Stops a call: nobody wants to hear more of it.
    pub(crate) fn cancel(&self, sequence: u64, answer: Answer) {
        self.0.outbox.cancel(sequence, answer);
    }

    /// A further connection to the node, besides the one that the link keeps.
    pub(crate) async fn extra_connection(&self) -> Result<Connection, ConnectionError> {
        match self.0.route() {
            Route::Dial(endpoint) => endpoint.connect(self.0.pings.interval()).await,
            Route::InProcess(callee) => {
                callee.ready().await;
                callee.connection()
            }
            Route::Reversed => Err(ConnectionError::new("a client can't be dialled")),
        }
    }

    /// The run of the node's process that the last connection met, if it told.
    pub(crate) fn incarnation(&self) -> Option<u64> {
        self.0.outbox.hello().incarnation
    }

    /// What became of one-way messages that did not arrive.
    pub(crate) fn losses(&self) -> Losses {
        self.0.outbox.losses()
    }

    /// How long the node takes to reply, if that is known.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.0.outbox.latency()
    }

    /// How long the node may take to reply, at best: what was measured long ago does not count.
    pub(crate) fn hoped_latency(&self, now: Instant) -> Duration {
        self.0.outbox.hoped_latency(now)
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.0.state.borrow().clone()
    }

    /// Further connections go to this endpoint, unless the node is this process. The one that is open
    /// stays until the link is told to [`follow`](Self::follow).
    pub(crate) fn point_to(&self, endpoint: Endpoint) {
        let mut route = self.0.route.lock().unwrap_or_else(PoisonError::into_inner);
        if let Route::Dial(_) = *route {
            *route = Route::Dial(Arc::new(endpoint)).with_tasks(&self.0.context.tasks);
        }
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

impl Shared {
    /// The node, where it calls this process.
    fn caller(&self) -> Hello {
        let hello = self.outbox.hello();
        Hello { node_id: Some(self.node), ..hello }
    }

    /// What the observer is told of a new state.
    fn told(&self, state: &ConnectionState) -> Option<EventKind> {
        Some(match state {
            ConnectionState::Idle | ConnectionState::Closed => return None,
            ConnectionState::Connecting => EventKind::Connecting,
            ConnectionState::Connected => {
                EventKind::Connected { number: self.outbox.connections() }
            }
            ConnectionState::Disconnected(error) => EventKind::Disconnected(error.clone()),
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn route(&self) -> Route {
        self.route.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every change of the state goes through here, so that who waits for it or listens is told.
    fn enter(&self, state: ConnectionState) {
        if self.outbox.is_observed()
            && let Some(kind) = self.told(&state)
        {
            self.outbox.tell("", 0, kind);
        }
        self.state.send_replace(state.clone());
        self.context.news.tell(self.node, state);
    }
}
