//! Calls: sending a request to nodes, and waiting for what they answer.
//!
//! **Invariant:** calling is sending. A request is on every target's queue before the method
//! returns, or on those of a quorum where the configuration is thrifty; waiting for a call sends
//! nothing but what its reserve holds.

mod arrivals;
mod correctable;
mod deadline;
mod gather;
mod inbox;
mod intercept;
mod method;
mod one_way;
mod quorum_call;
mod reply_stream;
mod reserve;
mod rpc;
mod session;
mod terminals;

pub use correctable::{Correctable, CorrectableFuture};
pub(crate) use gather::{Gather, PerNode, start};

#[cfg(test)]
pub(crate) use inbox::Event;
pub(crate) use inbox::{Inbox, MAX_UNREAD, Replied, ReplyTo};
pub(crate) use intercept::Interceptors;
pub use intercept::{ClientInterceptor, IncomingReply, OutgoingRequest};
pub use method::Method;
pub use one_way::{OneWay, OneWayFuture};
pub use quorum_call::{QuorumCall, QuorumFuture, Reply};
pub use reply_stream::ReplyStream;
pub(crate) use reserve::{Hedge, Reserve};
pub use rpc::{Rpc, RpcFuture};
pub use session::{Session, SessionReceiver, SessionSender};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::link::{News, Tasks};
use crate::observe::Scope;
use crate::wire;

/// What all calls and links of one manager share, but for the interceptors that a configuration adds.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    sequence: Arc<AtomicU64>,
    /// How long a call may take that does not say so itself.
    pub(crate) timeout: Duration,
    pub(crate) max_message_size: usize,
    /// The runtime that the manager was built in. Timers of calls run there, whoever polls them.
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) tasks: Tasks,
    pub(crate) news: Arc<News>,
    pub(crate) interceptors: Interceptors,
    /// Who sees what happens.
    pub(crate) scope: Scope,
}

impl Context {
    pub(crate) fn new(
        timeout: Duration,
        max_message_size: usize,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        Self::counting_from(1, timeout, max_message_size, runtime)
    }

    /// For the calls of a server to its clients.
    pub(crate) fn of_server(
        timeout: Duration,
        max_message_size: usize,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        Self::counting_from(wire::FROM_SERVER | 1, timeout, max_message_size, runtime)
    }

    fn counting_from(
        first: u64,
        timeout: Duration,
        max_message_size: usize,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        Self {
            sequence: Arc::new(AtomicU64::new(first)),
            timeout,
            max_message_size,
            tasks: Tasks::new(runtime.clone()),
            runtime,
            news: Arc::default(),
            interceptors: Interceptors::default(),
            scope: Scope::default(),
        }
    }

    /// The same, with one more interceptor inside of those that are there.
    pub(crate) fn intercept(&self, interceptor: impl ClientInterceptor) -> Self {
        let mut context = self.clone();
        context.interceptors.add(interceptor);
        context
    }

    pub(crate) fn observed(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// One number for one call, the same for all its nodes.
    fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }
}
