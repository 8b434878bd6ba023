//! The server's side of the ordered stream.
//!
//! ```text
//!  HTTP/2 stream ──▶ inbound ──▶ handler that holds the turn ──reply──▶ HTTP/2 stream
//!                       └──────▶ handlers beside it ───────────reply───────▲
//! ```
//!
//! A caller of the same process, or a server that calls its client back, comes to the same place
//! without a stream of its own.
//!
//! **Invariant:** handlers of one stream run in the order of their requests, one at a time, until
//! they return or release. **Invariant:** a server reads ahead of the turn up to a limit, and not at all
//! while a client does not take its replies, so what a client can make a server hold is bounded.

mod beside;
mod builder;
mod call;
mod caller;
mod certificates;
mod claims;
mod clients;
mod connection;
mod host;
mod in_process;
mod inbound;
mod intercept;
mod limits;
mod local;
mod node_stream;
mod peer;
mod plain;
mod registry;
mod replier;
mod reply;
mod routes;
mod running;
mod serve;
mod service;
mod session;
mod stop;
mod succession;
mod tls;
mod transport;
mod turn;
mod waiting;

pub use builder::Server;
pub use call::Call;
pub use clients::Clients;
#[cfg(feature = "trace")]
pub(crate) use clients::FIRST_CLIENT;
pub(crate) use host::CalledBack;
pub use intercept::{IncomingRequest, Intercepted, Next, OutgoingReply, ServerInterceptor};
pub(crate) use local::Local;
pub use peer::Peer;
pub(crate) use registry::Registry;
pub use replier::Replier;
pub use service::{Methods, Service};
pub use session::Requests;
