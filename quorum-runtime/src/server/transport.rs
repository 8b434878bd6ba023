//! What is set on the HTTP/2 connections of a server.

use std::time::Duration;

use super::Server;
use crate::error::ServeError;
use crate::wire::{KEEP_ALIVE, KEEP_ALIVE_TIMEOUT};

/// HTTP/2 windows and frames; the client's side explains them.
const WINDOW: u32 = 4 * 1024 * 1024;
const FRAME: u32 = 1024 * 1024;

/// How a server notices that a client is gone in silence.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeepAlive {
    interval: Duration,
    timeout: Duration,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self { interval: KEEP_ALIVE, timeout: KEEP_ALIVE_TIMEOUT }
    }
}

impl Server {
    /// How often an HTTP/2 ping asks whether a client is still there, and how long the client may take
    /// to answer before its connection counts as dead. Default: 5 seconds each.
    pub fn keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.keep_alive = KeepAlive { interval, timeout };
        self
    }

    /// The transport that this server's settings ask for.
    pub(super) fn transport(&self) -> Result<tonic::transport::Server, ServeError> {
        let transport = tonic::transport::Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .http2_keepalive_interval(Some(self.keep_alive.interval))
            .http2_keepalive_timeout(Some(self.keep_alive.timeout))
            .max_concurrent_streams(self.limits.streams)
            .http2_max_header_list_size(self.limits.header_list);
        self.tls.configure(transport)
    }
}
