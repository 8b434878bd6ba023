//! What a run looks like: one vocabulary of events, and what can be made of them.
//!
//! The runtime tells an [`Observer`] what happens, as [`Event`]s. Without one no event is built, and
//! each place where there would be one costs a branch.
//!
//! **Invariant:** an observer is called with no lock of the runtime held. **Invariant:** a message is
//! told as sent before the connection has it, and as received before anybody acts on it, so the
//! events of one observer never show an effect before its cause.

mod call;
mod event;
mod handler;
mod line;
mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod names;
mod observer;
mod scope;
mod tracing;

#[cfg(feature = "metrics")]
pub use self::metrics::Metrics;
pub use self::tracing::Tracing;

/// Runs what only an observer costs, out of the way of those who have none.
#[cold]
#[inline(never)]
pub(crate) fn apart<T>(told: impl FnOnce() -> T) -> T {
    told()
}
pub(crate) use call::ObservedCall;
pub use event::{CallOutcome, Event, EventKind, Message, Process};
pub(crate) use handler::ObservedHandler;
pub(crate) use line::{Line, Moment, OpenLine};
pub use log::EventLog;
pub use observer::Observer;
pub(crate) use scope::Scope;
