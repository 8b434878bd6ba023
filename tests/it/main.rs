//! The wired ring: the generator and the runtime together, on real servers and real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod build_errors;
mod edition_errors;
mod editions;
mod errors;
mod generated;
mod gorums_files;
mod order;
mod plugin;
mod plugin_request;
mod proto_errors;
mod purity;
mod quorum;
mod raw_stream;
mod readme;
mod restart;

/// The messages of the README, where its program looks for them.
use readme::register;
