//! The wired ring: the generator and the runtime together, on real servers and real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod build_errors;
mod calls;
mod closing;
mod connections;
mod cuts;
mod edge;
mod edition_errors;
mod editions;
mod errors;
mod generated;
mod golden;
mod gorums_files;
mod interceptors;
mod macros;
mod membership;
mod metadata;
mod observability;
mod plugin;
mod plugin_request;
mod promise_01_order;
mod promise_02_at_most_once;
mod promise_03_nothing_vanishes;
mod promise_04_slow_nodes;
mod promise_05_bounded_memory;
mod promise_06_reconnection;
mod promise_07_deadlines_travel;
mod promise_08_shutdown;
mod promise_09_self;
mod promise_10_counts_once;
mod promise_11_no_panic;
mod promise_12_simulated;
mod proto_errors;
mod quorum;
mod raw_stream;
mod readme;
mod restart;
mod server_interceptors;
mod sessions;
mod signatures;
mod soak;
mod targets;
mod taught;
mod terminals;
mod thrifty;
mod trace;

/// The messages of the README, where its program looks for them.
use readme::register;
