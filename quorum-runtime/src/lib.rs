//! The runtime of Quorum: calls to a *group* of servers that end when *enough* have answered.
//!
//! A program does not call much of this crate by name. It writes a `.proto`, lets `quorum-codegen`
//! make typed Rust of it, and uses what the generated traits add to the types here:
//!
//! - client: a [`Manager`] holds the connections, a [`Configuration`] is a group of [`Node`]s with
//!   the quorum functions of a protocol, a [`QuorumCall`] waits for their [`Verdict`] on the
//!   [`Replies`];
//! - server: a [`Server`] serves the adapters around the implementations of services, whose handlers
//!   get a [`Call`].
//!
//! Each node has one ordered stream, so its requests are handled in the order of the calls.
//!
//! # Feature flags
//!
//! None yet.

mod call;
mod configuration;
mod error;
mod link;
mod manager;
mod node;
mod quorum;
mod server;
mod wire;

#[doc(hidden)]
#[path = "private.rs"]
#[allow(missing_docs, reason = "called by generated code alone")]
pub mod __private;

pub use call::{
    Correctable, CorrectableFuture, OneWay, OneWayFuture, QuorumCall, QuorumFuture, Reply,
    ReplyStream, Rpc, RpcFuture, Session, SessionReceiver, SessionSender,
};
pub use configuration::Configuration;
pub use error::{
    BuildError, ConfigurationError, ConnectionError, NodeError, NodeFailure, NotReady, QuorumError,
    QuorumErrorKind, RpcError, SendError, ServeError,
};
pub use link::ConnectionState;
pub use manager::{Manager, ManagerBuilder};
pub use node::Node;
pub use quorum::{
    All, And, Any, Collector, Dissemination, Grid, Joint, Level, Majority, Masking, NodeId,
    NodeSet, Or, QuorumSystem, Replies, Threshold, Verdict, Watermark, Weighted, Within,
};
pub use server::{Call, Methods, Replier, Requests, Server, Service};
pub use tonic::{Code, IntoRequest, Request, Status};

/// Includes what `quorum-codegen` made of the `.proto` files of one package.
///
/// ```text
/// pub mod storage {
///     quorum_runtime::include_proto!("storage");
/// }
/// ```
#[macro_export]
macro_rules! include_proto {
    ($package:tt) => {
        include!(concat!(env!("OUT_DIR"), "/", $package, ".rs"));
    };
}
