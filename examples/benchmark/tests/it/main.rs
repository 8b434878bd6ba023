//! The program as a user runs it: what it measures, what it compares, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compares;
mod counts;
mod measures;
mod program;
mod refuses;
mod reports;
