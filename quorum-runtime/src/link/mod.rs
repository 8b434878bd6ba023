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
mod delivery;
mod driver;
mod endpoint;
mod latency;
mod losses;
mod outbox;
mod requests;
mod reversed;
mod route;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::error::ConnectionError;
use crate::observe::{EventKind, Line, Process, Scope};
use crate::quorum::NodeId;
use crate::wire::{Hello, MAX_MESSAGE_SIZE};

pub(crate) use backoff::Backoff;
pub(crate) use delivery::{Answer, Delivery, Outgoing};
pub(crate) use endpoint::endpoint;
pub use losses::Losses;
pub(crate) use outbox::Limits;
pub(crate) use reversed::Reversed;
pub(crate) use route::{Callee, Conversation, RequestStream, Route};
pub use state::ConnectionState;

use outbox::Outbox;

/// How links behave; the same for all nodes of a manager.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) max_message_size: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) backoff_min: Duration,
    pub(crate) backoff_max: Duration,
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
            limits: Limits { requests: 65_536, bytes: 64 * 1024 * 1024 },
            max_message_size: MAX_MESSAGE_SIZE,
            connect_timeout: Duration::from_secs(5),
            backoff_min: Duration::from_millis(50),
            backoff_max: Duration::from_secs(1),
            hello: Hello { ours: true, ..Hello::default() },
            callee: None,
            scope: Scope::default(),
        }
    }
}

/// A handle on the link to one node. Dropping it closes the link: what is queued is still sent,
/// for a short while, and then the connection ends.
#[derive(Debug)]
pub(crate) struct Link(Arc<Shared>);

/// What the handle and the driver share.
#[derive(Debug)]
struct Shared {
    node: NodeId,
    route: Route,
    hello: Hello,
    callee: Option<Arc<dyn Callee>>,
    outbox: Outbox,
    state: watch::Sender<ConnectionState>,
    closing: CancellationToken,
    max_message_size: usize,
    connect_timeout: Duration,
    backoff: Backoff,
    started: AtomicBool,
    runtime: Handle,
}

impl Link {
    pub(crate) fn new(
        node: NodeId,
        route: Route,
        settings: &Settings,
        random: fastrand::Rng,
        runtime: Handle,
    ) -> Self {
        let line = Line::new(&settings.scope, Process { node: Some(node), incarnation: None });
        Self(Arc::new(Shared {
            node,
            route,
            hello: settings.hello,
            callee: settings.callee.clone(),
            outbox: Outbox::new(settings.limits).observed(line),
            state: watch::Sender::new(ConnectionState::Idle),
            closing: CancellationToken::new(),
            max_message_size: settings.max_message_size,
            connect_timeout: settings.connect_timeout,
            backoff: Backoff::new(settings.backoff_min, settings.backoff_max, random),
            started: AtomicBool::new(false),
            runtime,
        }))
    }

    /// Starts to connect, if nothing has before.
    pub(crate) fn connect(&self) {
        let dials = !matches!(self.0.route, Route::Reversed);
        if dials && !self.0.started.swap(true, Ordering::Relaxed) {
            self.0.runtime.spawn(driver::run(Arc::clone(&self.0)));
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

    /// Whether the node is this process.
    pub(crate) fn is_in_process(&self) -> bool {
        matches!(self.0.route, Route::InProcess(_))
    }

    /// A further connection to the node, besides the one that the link keeps.
    pub(crate) async fn extra_connection(&self) -> Result<Channel, ConnectionError> {
        match &self.0.route {
            Route::Dial(endpoint) => endpoint.connect().await.map_err(ConnectionError::new),
            Route::InProcess(_) => {
                Err(ConnectionError::new("this process has no session with itself"))
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

    pub(crate) fn state(&self) -> ConnectionState {
        self.0.state.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<ConnectionState> {
        self.0.state.subscribe()
    }
}

impl Shared {
    /// The node, where it calls this process.
    fn caller(&self) -> Hello {
        let hello = self.outbox.hello();
        Hello { node_id: Some(self.node), ..hello }
    }

    /// Every change of the state of a connection that is dialled goes through here.
    fn enter(&self, state: ConnectionState) {
        if self.outbox.is_observed()
            && let Some(kind) = self.told(&state)
        {
            self.outbox.tell("", 0, kind);
        }
        self.state.send_replace(state);
    }

    /// What the observer is told of a new state.
    fn told(&self, state: &ConnectionState) -> Option<EventKind> {
        Some(match state {
            ConnectionState::Idle => return None,
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
        self.0.outbox.close();
        self.0.closing.cancel();
    }
}
