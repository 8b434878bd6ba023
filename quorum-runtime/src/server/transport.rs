//! What is set on the HTTP/2 connections of a server.

use std::time::Duration;

use super::Server;
use crate::error::ServeError;

/// HTTP/2 windows and frames; the client's side explains them.
const WINDOW: u32 = 4 * 1024 * 1024;
const FRAME: u32 = 1024 * 1024;
/// How often an HTTP/2 ping asks whether a client is still there, and how long it may take.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

impl Server {
    /// The transport that this server's settings ask for.
    pub(super) fn transport(&self) -> Result<tonic::transport::Server, ServeError> {
        let transport = tonic::transport::Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
            .max_concurrent_streams(self.limits.streams)
            .http2_max_header_list_size(self.limits.header_list);
        self.tls.configure(transport)
    }
}
