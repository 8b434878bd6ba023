//! Clusters under simulation: that faults do what they say, and that a seed is a whole run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attribute;
mod determinism;
mod faults;
mod machines;
mod register;
