//! The wired ring: the generator and the runtime together, on real servers and real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod build_errors;
mod calls;
mod edition_errors;
mod editions;
mod errors;
mod generated;
mod golden;
mod gorums_files;
mod macros;
mod observability;
mod order;
mod plugin;
mod plugin_request;
mod proto_errors;
mod purity;
mod quorum;
mod raw_stream;
mod readme;
mod restart;
mod sessions;
mod targets;
mod taught;
mod terminals;

/// The messages of the README, where its program looks for them.
use readme::register;
