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
mod connection;
mod delivery;
mod driver;
mod endpoint;
mod latency;
mod outbox;
mod state;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::ConnectionError;
use crate::transport::Layers;

pub(crate) use backoff::Backoff;
pub(crate) use connection::Connection;
pub(crate) use delivery::{Answer, Delivery, Outgoing};
pub(crate) use endpoint::{Endpoint, endpoint};
pub(crate) use outbox::Limits;
pub use state::ConnectionState;
pub(crate) use tls::Tls;

use outbox::Outbox;

/// How links behave; the same for all nodes of a manager.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) max_message_size: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) backoff_min: Duration,
    pub(crate) backoff_max: Duration,
    pub(crate) tls: Tls,
    pub(crate) layers: Layers,
}

/// A handle on the link to one node. Dropping it closes the link: what is queued is still sent,
/// for a short while, and then the connection ends.
#[derive(Debug)]
pub(crate) struct Link(Arc<Shared>);

/// What the handle and the driver share.
#[derive(Debug)]
struct Shared {
    endpoint: Endpoint,
    outbox: Outbox,
    state: watch::Sender<ConnectionState>,
    closing: CancellationToken,
    max_message_size: usize,
    backoff: Backoff,
    started: AtomicBool,
    runtime: Handle,
}

impl Link {
    pub(crate) fn new(
        endpoint: Endpoint,
        settings: &Settings,
        random: fastrand::Rng,
        runtime: Handle,
    ) -> Self {
        Self(Arc::new(Shared {
            endpoint,
            outbox: Outbox::new(settings.limits),
            state: watch::Sender::new(ConnectionState::Idle),
            closing: CancellationToken::new(),
            max_message_size: settings.max_message_size,
            backoff: Backoff::new(settings.backoff_min, settings.backoff_max, random),
            started: AtomicBool::new(false),
            runtime,
        }))
    }

    /// Starts to connect, if nothing has before.
    pub(crate) fn connect(&self) {
        if !self.0.started.swap(true, Ordering::Relaxed) {
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

    /// A further connection to the node, besides the one that the link keeps.
    pub(crate) async fn extra_connection(&self) -> Result<Connection, ConnectionError> {
        self.0.endpoint.connect().await
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

    pub(crate) fn watch(&self) -> watch::Receiver<ConnectionState> {
        self.0.state.subscribe()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.0.outbox.close();
        self.0.closing.cancel();
    }
}
