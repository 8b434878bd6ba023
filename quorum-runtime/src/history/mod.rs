//! What clients saw of a replicated service, and whether one copy could have shown them the same.
//!
//! A test notes each operation in a [`History`]: when a client invoked it, and what came of it.
//! Afterwards [`History::check`] looks for an order of the operations that explains every answer, in which
//! each takes effect at one instant between its invocation and its return. If there is one, the history
//! is *linearizable* (Herlihy and Wing: Linearizability: A Correctness Condition for Concurrent
//! Objects, 1990); if there is none, the [`Violation`] shows the few operations that contradict each
//! other. What one copy does is told by a [`Model`]: here are [`Register`] and [`KeyValue`].
//!
//! When everything has come to rest, [`converged`] compares what the nodes hold.
//!
//! ```
//! use quorum_runtime::history::key_value::{Input, Output};
//! use quorum_runtime::history::{History, KeyValue};
//!
//! let history = History::new(KeyValue::new());
//! let (alice, bob) = (1, 2);
//!
//! let write = history.invoke(alice, Input::Write { key: "k", value: "a" });
//! let read = history.invoke(bob, Input::Read { key: "k" });
//! read.returned(Output::Value(Some("a"))); // It may see a write that goes on.
//! write.returned(Output::Done);
//! let checked = history.check()?;
//! assert_eq!(checked.to_string(), "2 operations, 1 key: linearizable");
//!
//! let read = history.invoke(bob, Input::Read { key: "k" });
//! read.returned(Output::Value(None)); // But afterwards everyone must.
//! assert!(history.check().is_err());
//! # Ok::<_, quorum_runtime::history::CheckError>(())
//! ```

mod check;
mod configuration;
mod contradiction;
mod convergence;
mod entries;
mod invocation;
mod json;
pub mod key_value;
mod log;
mod model;
mod operation;
mod recorder;
pub mod register;
mod search;
#[cfg(test)]
mod tests;
mod violation;

pub use check::{CheckError, Checked, MAX_STEPS, Undecided};
pub use convergence::{Difference, Divergence, converged};
pub use invocation::Invocation;
pub use json::ReadError;
pub use key_value::KeyValue;
pub use model::Model;
pub use operation::{Moment, Operation, Outcome};
pub use recorder::History;
pub use register::Register;
pub use violation::{Violation, Witness};
