//! The guide, compiled and run.
//!
//! Each chapter in `src` is the documentation of one module here, so its Rust code is a test of this
//! crate. What a chapter hides (lines that begin with `# `) is a call or two of what is below: a store
//! that runs on a few servers of this process.

mod cluster;
mod group;
mod host;
mod newest;
mod replica;
mod stores;

/// The code that was generated from `proto/guide.proto`.
#[allow(missing_docs, reason = "the messages of the guide are explained in its chapters")]
pub mod guide {
    quorum_runtime::include_proto!("guide");
}

/// The code that was generated from `proto/gorums_storage.proto`.
#[allow(missing_docs, reason = "the messages of the guide are explained in its chapters")]
pub mod gorums_storage {
    quorum_runtime::include_proto!("gorums_storage");
}

/// The descriptors of what was generated.
pub const DESCRIPTORS: &[u8] = quorum_runtime::include_file_descriptor_set!("guide");

pub use cluster::cluster;
pub use group::group;
pub use host::Host;
pub use newest::Newest;
pub use replica::Replica;
pub use stores::{Member, manager, serve, stores};

use std::error::Error;
use std::time::Duration;

use guide::{Entry, Key};

#[doc = include_str!("src/introduction.md")]
pub mod introduction {}

#[doc = include_str!("src/first-call.md")]
pub mod first_call {}

#[doc = include_str!("src/call-types.md")]
pub mod call_types {}

#[doc = include_str!("src/quorum-functions.md")]
pub mod quorum_functions {}

#[doc = include_str!("src/quorum-systems.md")]
pub mod quorum_systems {}

#[doc = include_str!("src/members.md")]
pub mod members {}

#[doc = include_str!("src/latency.md")]
pub mod latency {}

#[doc = include_str!("src/connections.md")]
pub mod connections {}

#[doc = include_str!("src/order.md")]
pub mod order {}

#[doc = include_str!("src/correctables.md")]
pub mod correctables {}

#[doc = include_str!("src/sessions.md")]
pub mod sessions {}

#[doc = include_str!("src/interceptors.md")]
pub mod interceptors {}

#[doc = include_str!("src/errors.md")]
pub mod errors {}

#[doc = include_str!("src/deadlines.md")]
pub mod deadlines {}

#[doc = include_str!("src/symmetry.md")]
pub mod symmetry {}

#[doc = include_str!("src/security.md")]
pub mod security {}

#[doc = include_str!("src/plain-grpc.md")]
pub mod plain_grpc {}

#[doc = include_str!("src/observability.md")]
pub mod observability {}

#[doc = include_str!("src/testing.md")]
pub mod testing {}

#[doc = include_str!("src/examples.md")]
pub mod examples {}

#[doc = include_str!("src/promises.md")]
pub mod promises {}

#[doc = include_str!("src/performance.md")]
pub mod performance {}

#[doc = include_str!("src/coming-from-gorums.md")]
pub mod coming_from_gorums {}

/// Far more than anything here takes; code of a chapter that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the code of a chapter.
///
/// # Panics
///
/// When it fails, or takes too long.
pub fn run(code: impl Future<Output = Result<(), Box<dyn Error>>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let code = runtime.block_on(async { tokio::time::timeout(PATIENCE, code).await });
    code.expect("it ends").expect("it succeeds");
}

/// Waits until a condition holds.
pub async fn eventually(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A key.
#[must_use]
pub fn key(name: &str) -> Key {
    Key { name: name.to_owned() }
}

/// A value of the key "k" with its version.
#[must_use]
pub fn entry(value: &str, version: u64) -> Entry {
    Entry { key: "k".to_owned(), value: value.to_owned(), version }
}
