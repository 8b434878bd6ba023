//! What the tests share: a service, its server, a way to start and kill servers, and a network that
//! can fail in between.

mod doorman;
mod frames;
mod hosted;
mod panics;
mod proxy;
pub mod raw;
mod recorder_server;
pub mod soak;
pub mod storm;
mod test_server;

/// The code that was generated from `proto/recorder.proto`.
#[allow(missing_docs, reason = "the messages of a test need no documentation")]
pub mod recorder {
    quorum_runtime::include_proto!("recorder");
}

/// The code that was generated from `proto/calls.proto`.
#[allow(missing_docs, reason = "the messages of a test need no documentation")]
pub mod calls {
    quorum_runtime::include_proto!("calls");
}

/// The descriptors of what was generated.
pub const DESCRIPTORS: &[u8] = quorum_runtime::include_file_descriptor_set!("tests");

pub use doorman::Doorman;
pub use frames::{Frame, FrameEntry, FrameStatus, Frames};
pub use hosted::{Hosted, host, host_on, listen};
pub use panics::Panics;
pub use proxy::{Cut, End, Proxy, Traffic, Way};
pub use recorder_server::Recording;
pub use test_server::{TestServer, builder, cluster, manager, proxied};

use std::time::Duration;

use recorder::Item;

/// Far more than anything here takes; a test that needs it has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An item with a number.
#[must_use]
pub fn item(number: u64) -> Item {
    Item { number, text: String::new() }
}

/// An item that says what the server is to do.
#[must_use]
pub fn text(text: &str) -> Item {
    Item { number: 0, text: text.to_owned() }
}

/// How many tasks the runtime of this test has.
///
/// # Panics
///
/// When called outside of a runtime.
#[must_use]
pub fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// An item with a number that tells a handler to wait for its gate.
#[must_use]
pub fn waiting(number: u64) -> Item {
    Item { number, text: "wait".to_owned() }
}

/// Waits until a condition holds.
///
/// # Panics
///
/// When that takes more than [`PATIENCE`].
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{what} did not come about");
}
