//! What reads `.proto` files, as a build script and as a plugin.
//!
//! ```text
//!  .proto ──parse──▶ descriptors ──lower──▶ model, checked ──▶ rendered, beside the messages of prost
//!  request of protoc ────▲
//! ```

mod builder;
mod docs;
mod editions;
mod generate;
mod items;
mod lower;
mod option_files;
mod options;
mod parse;
pub mod plugin;
mod position;
mod syntax;
mod unsupported;

pub use builder::Builder;
