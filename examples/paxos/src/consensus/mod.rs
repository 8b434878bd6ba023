//! Multi-Paxos: one order of batches for all nodes (Lamport: *The Part-Time Parliament*, 1998, and *Paxos
//! Made Simple*, 2001), with leases for reads.
//!
//! ```text
//!  commands ▶ proposals ▶ leader ══ accept ═▶ acceptor ▶ log (disk)
//!                           ║                    │
//!             election      ╚══ learn ══▶      learner ▶ map
//! ```

mod acceptor;
mod ballot;
mod candidate;
mod clock;
mod election;
mod execution;
mod leader;
mod learner;
mod lease;
mod log;
mod proposals;
mod quorums;

pub(crate) use acceptor::Acceptor;
pub(crate) use ballot::Ballot;
pub(crate) use clock::Clock;
pub(crate) use election::stand;
pub(crate) use leader::{Leader, Role};
pub(crate) use learner::Learner;
pub(crate) use log::Log;
#[cfg(test)]
pub(crate) use log::Write;
pub(crate) use proposals::{Proposals, Proposer, proposals};
pub(crate) use quorums::{Accepted, Prepared, Quorums};
