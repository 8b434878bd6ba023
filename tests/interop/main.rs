//! Programs written in Go on the other end of the ordered stream.
//!
//! They are in `gorums/`, whose README says what they are and what they are not. Where there is no Go
//! the tests say so and pass, unless `QUORUM_INTEROP` is `required`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod additions;
mod back;
mod benchmark;
mod calls_back;
mod go;
mod go_to_rust;
mod mixed;
mod release;
mod restart;
mod rust_to_go;
