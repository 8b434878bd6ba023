//! The server's side of the ordered stream.
//!
//! ```text
//!  HTTP/2 stream ──▶ client stream ──▶ handler that holds the turn ──reply──▶ HTTP/2 stream
//!                       └──────▶ released handlers ───────────reply───────▲
//! ```
//!
//! **Invariant:** handlers of one stream run in the order of their requests, one at a time, until
//! they return or release. **Invariant:** a server reads ahead of the turn up to a limit, and not at all
//! while a client does not take its replies, so what a client can make a server hold is bounded.

mod builder;
mod call;
mod certificates;
mod claims;
mod client_stream;
mod limits;
mod node_stream;
mod plain;
mod replier;
mod routes;
mod serve;
mod service;
mod session;
mod tls;
mod transport;
mod waiting;

pub use builder::Server;
pub use call::Call;
pub use replier::Replier;
pub use service::{Methods, Service};
pub use session::Requests;

/// The largest message by default, for both sides: what gRPC accepts by default.
pub(crate) const MAX_MESSAGE_SIZE: usize = 4 * 1024 * 1024;
