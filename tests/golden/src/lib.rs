//! What the generator emits for `proto/golden.proto`.
//!
//! `golden.rs` is checked in so that a change of the generator shows as a difference in review, and
//! this crate compiles it under strict lints. A test in `tests/it/golden.rs` compares it with what is
//! generated; `UPDATE_EXPECT=1 cargo test -p quorum-tests golden` writes it anew.

include!("golden.rs");
