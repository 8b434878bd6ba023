//! The generator of Quorum: turns an annotated `.proto` into typed Rust, from a build script.
//!
//! ```no_run
//! // build.rs
//! fn main() -> quorum_codegen::Result {
//!     quorum_codegen::compile(&["proto/storage.proto"], &["proto"])
//! }
//! ```
//!
//! ```text
//!  .proto ──parse──▶ descriptors ──lower──▶ model ──check──▶ model ──render──▶ Rust
//! ```
//!
//! No `protoc` is needed, and `import "quorum.proto"` finds the options without a copy of them in
//! the project. So does `import "gorums.proto"` in files that were written for Gorums. Files are of
//! proto3, proto2 or one of the editions 2023 and 2024. The program `protoc-gen-quorum` is the same
//! generator as a plugin of `protoc` and `buf`.
//!
//! For a service `Storage` the generated module holds, besides the messages:
//!
//! | item | what it is |
//! |---|---|
//! | `StorageQuorumSpec` | a trait with one quorum function for each quorum call |
//! | `StorageManager` | adds `storage(spec)` to a manager: a configuration of all its nodes |
//! | `StorageConfiguration` | adds the group calls of the service to a configuration |
//! | `StorageNode` | adds the calls of the service to one node |
//! | `Storage` | the trait that a server implements |
//! | `StorageServer` | the adapter that a server serves it by |
//!
//! # Feature flags
//!
//! `proto`, on by default, is all that reads `.proto` files. Without it nothing is left but what
//! `quorum-macros` uses.

mod check;
mod error;
mod model;
mod names;
#[cfg(feature = "proto")]
mod proto;
mod render;
mod rules;

#[cfg(feature = "proto")]
use std::path::Path;

pub use error::{Error, Problem};
#[cfg(feature = "proto")]
pub use proto::{Builder, plugin};

/// The result of a build script: `fn main() -> quorum_codegen::Result`.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Generates Rust for these `.proto` files into `OUT_DIR`, from where
/// `quorum_runtime::include_proto!` includes it. Imports are looked for in the folders `includes`.
///
/// Cargo is told to run the build script again when one of the files changes.
///
/// # Errors
///
/// Names each place in a `.proto` that can't become Rust, and how to mend it.
#[cfg(feature = "proto")]
pub fn compile(protos: &[impl AsRef<Path>], includes: &[impl AsRef<Path>]) -> Result {
    Builder::new().compile(protos, includes)
}

/// The model and its renderer, for the front end in `quorum-macros`. Not for use by others: it changes
/// whenever the generator does.
#[doc(hidden)]
pub mod emit {
    pub use crate::check::{Clash, clashes};
    pub use crate::model::{CallType, Method, Replies, Service};
    pub use crate::render::{MessageTypes, service, with_runtime};
    pub use crate::rules::{Decided, Declared, Refusal, decide};
}
