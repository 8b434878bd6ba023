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

mod builder;
mod check;
mod editions;
mod error;
mod generate;
mod lower;
mod model;
mod names;
mod option_files;
mod options;
mod parse;
pub mod plugin;
mod position;
mod render;
mod syntax;
mod unsupported;

use std::path::Path;

pub use builder::Builder;
pub use error::{Error, Problem};

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
pub fn compile(protos: &[impl AsRef<Path>], includes: &[impl AsRef<Path>]) -> Result {
    Builder::new().compile(protos, includes)
}
