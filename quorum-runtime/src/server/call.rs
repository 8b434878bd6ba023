use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::task::AtomicWaker;
use tonic::metadata::MetadataMap;

/// What a handler knows of the request it handles, besides the message itself.
///
/// # Order
///
/// The requests of one client are handled in the order in which it sent them, one at a time. The
/// next one begins when this handler returns, or when it says [`release`](Self::release).
#[derive(Debug)]
pub struct Call {
    peer: Option<SocketAddr>,
    metadata: MetadataMap,
    turn: Arc<Turn>,
}

impl Call {
    pub(super) fn new(peer: Option<SocketAddr>, metadata: MetadataMap, turn: Arc<Turn>) -> Self {
        Self { peer, metadata, turn }
    }

    /// Where the client called from; `None` when the connection has no network address.
    #[must_use]
    pub const fn peer_address(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The metadata that the client sent with this request.
    #[must_use]
    pub const fn metadata(&self) -> &MetadataMap {
        &self.metadata
    }

    /// Lets the next request of this client begin, while this handler goes on beside it.
    ///
    /// A handler that waits for something other than its own state, another node for example, holds
    /// up all further requests of its client unless it releases. Releasing twice does nothing.
    pub fn release(&self) {
        self.turn.release();
    }
}

/// The turn of one request in the order of its stream.
#[derive(Debug, Default)]
pub(super) struct Turn {
    released: AtomicBool,
    /// The session, which polls the handler as long as it holds its turn.
    session: AtomicWaker,
}

impl Turn {
    fn release(&self) {
        self.released.store(true, Ordering::Release);
        self.session.wake();
    }

    /// Whether the turn was given up. If not, the task is woken when it is.
    pub(super) fn is_released(&self, task: &std::task::Context<'_>) -> bool {
        if self.released.load(Ordering::Acquire) {
            return true;
        }
        self.session.register(task.waker());
        self.released.load(Ordering::Acquire)
    }
}
