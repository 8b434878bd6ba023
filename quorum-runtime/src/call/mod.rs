//! Calls: sending a request to nodes, and waiting for what they answer.
//!
//! **Invariant:** calling is sending. A request is on every target's queue before the method
//! returns; everything here only waits.

mod correctable;
mod gather;
mod inbox;
mod method;
mod one_way;
mod quorum_call;
mod reply_stream;
mod rpc;
mod session;
mod terminals;
mod timeout;

pub use correctable::{Correctable, CorrectableFuture};
pub(crate) use gather::{Gather, PerNode, start};

#[cfg(test)]
pub(crate) use inbox::Event;
pub(crate) use inbox::{Inbox, MAX_UNREAD, ReplyTo};
pub use method::Method;
pub use one_way::{OneWay, OneWayFuture};
pub use quorum_call::{QuorumCall, QuorumFuture, Reply};
pub use reply_stream::ReplyStream;
pub use rpc::{Rpc, RpcFuture};
pub use session::{Session, SessionReceiver, SessionSender};

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::observe::Scope;
use crate::wire;

/// What all calls of one manager share.
#[derive(Debug)]
pub(crate) struct Context {
    sequence: AtomicU64,
    /// How long a call may take that does not say so itself.
    pub(crate) timeout: Duration,
    pub(crate) max_message_size: usize,
    /// The runtime that the manager was built in. Timers of calls run there, whoever polls them.
    pub(crate) runtime: tokio::runtime::Handle,
    /// Who sees what happens.
    pub(crate) scope: Scope,
}

impl Context {
    pub(crate) fn new(
        timeout: Duration,
        max_message_size: usize,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        let scope = Scope::default();
        Self { sequence: AtomicU64::new(1), timeout, max_message_size, runtime, scope }
    }

    /// For the calls of a server to its clients.
    pub(crate) fn of_server(
        timeout: Duration,
        max_message_size: usize,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        let sequence = AtomicU64::new(wire::FROM_SERVER | 1);
        Self { sequence, ..Self::new(timeout, max_message_size, runtime) }
    }

    pub(crate) fn observed(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// One number for one call, the same for all its nodes.
    fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }
}
