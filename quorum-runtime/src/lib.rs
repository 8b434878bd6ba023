//! The runtime of Quorum: calls to a *group* of servers that end when *enough* have answered.
//!
//! A program does not call much of this crate by name. It writes a `.proto`, lets `quorum-codegen`
//! make typed Rust of it, and uses what the generated traits add to the types here:
//!
//! - client: a [`Manager`] holds the connections, a [`Configuration`] is a group of [`Node`]s with
//!   the quorum functions of a protocol, a [`QuorumCall`] waits for their [`Verdict`] on the
//!   [`Replies`];
//! - server: a [`Server`] serves the adapters around the implementations of services, whose
//!   handlers get a [`Call`].
//!
//! Each node has one ordered stream, so its requests are handled in the order of the calls.
//!
//! Quorum calls, quorum functions and the bytes on the wire are those of Gorums (Lea, Jehl and
//! Meling: Towards New Abstractions for Implementing Quorum-based Systems, 2017).
//!
//! # Examples
//!
//! ```
//! use quorum_runtime::{Majority, Manager};
//!
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let manager = Manager::builder().nodes(servers(2).await).node(3, nobody()).build()?;
//! let register = manager.register(Majority)?;
//! register.write(State::new(1, "hello")).await?;
//! assert_eq!(register.read(()).await?.text, "hello"); // although one of the three is down
//! # Ok(())
//! # }
//! ```
//!
//! A call takes the request itself, or a [`Request`], which can have a deadline and metadata of its
//! own:
//!
//! ```
//! use std::time::Duration;
//! use quorum_runtime::{Code, Manager, Request, Status};
//!
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let manager = Manager::builder().nodes([hung().await]).build()?;
//! let mut request = Request::new(());
//! request.set_timeout(Duration::from_millis(50));
//! request.metadata_mut().insert("trace", "17".parse()?);
//! let error = manager.node(1)?.read(request).await.unwrap_err();
//! assert_eq!(Status::from(error).code(), Code::DeadlineExceeded);
//! # Ok(())
//! # }
//! ```
//!
//! # The service of the examples
//!
//! The examples of this crate call one service, and have it in scope with all that is generated for
//! it. It is written as a trait; from a `.proto` comes the same.
//!
//! ```
#![doc = include_str!("../doc/register.rs")]
//! ```
//!
//! `Replica::new()` is an implementation of it, `serving(server)` starts a server on a free port
//! and gives its address, and `servers(n)` does so for n replicas. `nobody()` is an address where
//! no server runs, and `hung()` one that accepts connections and never answers.
//!
//! # Feature flags
//!
//! None is on by default. Those of TLS are named as tonic's are:
//!
//! - `tls-ring`, `tls-aws-lc`: TLS and mutual TLS, with the cryptography of either. They add
//!   `tls_config` to [`Server`] and to [`ManagerBuilder`], and `certificates` to [`Peer`];
//! - `tls-native-roots`, `tls-webpki-roots`: the authorities that the system trusts, or those of
//!   Mozilla's list, for the `ClientTlsConfig` in [`transport`];
//! - `metrics`: `Metrics`, an [`Observer`] that counts and times what happens for the crate
//!   [`metrics`](https://docs.rs/metrics);
//! - `sim`: the module `sim`, clusters on simulated machines under faults, with the modules `history`,
//!   which records what clients saw and checks it, and `trace`, which draws what observers were told;
//!   `history` and `trace` are features of their own too;
//! - `sim-cli`: `sim::Command`, by which a program lets its users simulate it.

mod call;
mod configuration;
mod error;
#[cfg(feature = "history")]
pub mod history;
pub mod host;
mod link;
mod manager;
mod node;
mod observe;
mod quorum;
mod rederived;
mod server;
#[cfg(feature = "sim")]
pub mod sim;
mod surroundings;
#[cfg(feature = "_tls-any")]
mod tls;
#[cfg(feature = "trace")]
pub mod trace;
pub mod transport;
mod wire;

#[doc(hidden)]
#[path = "private.rs"]
#[allow(missing_docs, reason = "called by generated code alone")]
pub mod __private;

#[cfg(feature = "_bench")]
#[doc(hidden)]
#[path = "bench.rs"]
pub mod __bench;

pub use call::{
    ClientInterceptor, Correctable, CorrectableFuture, IncomingReply, OneWay, OneWayFuture,
    OutgoingRequest, QuorumCall, QuorumFuture, Reply, ReplyStream, Rpc, RpcFuture, Session,
    SessionReceiver, SessionSender,
};
pub use configuration::Configuration;
pub use error::{
    BuildError, ConfigurationError, ConnectionError, NodeError, NodeFailure, NotReady, QuorumError,
    QuorumErrorKind, RpcError, SendError, ServeError,
};
pub use link::{ConnectionEvent, ConnectionEvents, ConnectionState, Losses, Missed};
pub use manager::{Manager, ManagerBuilder};
pub use node::Node;
#[cfg(feature = "metrics")]
pub use observe::Metrics;
pub use observe::{CallOutcome, Event, EventKind, EventLog, Message, Observer, Process, Tracing};
pub use quorum::{
    All, And, Any, Collector, Dissemination, Grid, Joint, Level, Majority, Masking, NodeId,
    NodeSet, Or, QuorumSystem, Replies, Threshold, Verdict, Watermark, Weighted, Within,
};
pub use rederived::Rederived;
pub use server::{
    Call, Clients, IncomingRequest, Intercepted, Methods, Next, OutgoingReply, Peer, Replier,
    Requests, Server, ServerInterceptor, Service,
};
pub use tonic::{Code, IntoRequest, Request, Status, metadata};

/// Includes what `quorum-codegen` made of the `.proto` files of one package.
///
/// Packages are named as prost names their files: in snake case, with `r#` before a part that is a
/// keyword of Rust, and `"_"` for files without a package. They are looked for in `OUT_DIR`, which
/// cargo sets for a crate that has a build script.
///
/// ```
/// # // This crate has no build script.
/// # macro_rules! env {
/// #     ("OUT_DIR") => { concat!(std::env!("CARGO_MANIFEST_DIR"), "/doc") };
/// # }
/// pub mod register {
///     quorum_runtime::include_proto!("register");
/// }
///
/// # fn main() {
/// let state = register::State::new(1, "hello");
/// assert_eq!(state.version, 1);
/// # }
/// ```
#[macro_export]
macro_rules! include_proto {
    ($package:tt) => {
        include!(concat!(env!("OUT_DIR"), "/", $package, ".rs"));
    };
}

/// Includes the descriptors that `quorum-codegen` wrote where its builder's `file_descriptor_set` said
/// so, as `&[u8]`: an encoded `google.protobuf.FileDescriptorSet`, which `tonic-reflection` registers.
///
/// ```
/// # // This crate has no build script.
/// # macro_rules! env {
/// #     ("OUT_DIR") => { concat!(std::env!("CARGO_MANIFEST_DIR"), "/doc") };
/// # }
/// # macro_rules! include_bytes {
/// #     ($path:expr) => { b"" };
/// # }
/// const DESCRIPTORS: &[u8] = quorum_runtime::include_file_descriptor_set!("register");
/// ```
#[macro_export]
macro_rules! include_file_descriptor_set {
    ($name:tt) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bin"))
    };
}
