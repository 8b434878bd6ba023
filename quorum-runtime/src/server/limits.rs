//! What one peer may take of a server below its messages, and beside their size.

use tokio::sync::Semaphore;
use tonic::Status;

use super::Server;
use crate::wire::{Entry, MAX_MESSAGE_SIZE};

/// See the methods that set them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max_message_size: usize,
    /// Requests of one stream that were read and wait for their turn, and their bytes.
    pub(super) waiting: usize,
    pub(super) waiting_bytes: usize,
    /// Handlers of one stream that run beside each other, and the bytes of their requests.
    pub(super) released: usize,
    pub(super) released_bytes: usize,
    /// Connections of all clients together.
    pub(super) connections: usize,
    pub(super) streams: u32,
    pub(super) header_list: u32,
    pub(super) metadata: MetadataLimits,
}

impl Default for Limits {
    fn default() -> Self {
        let metadata = MetadataLimits { entries: 128, bytes: 16 * 1024 };
        Self {
            max_message_size: MAX_MESSAGE_SIZE,
            waiting: 1024,
            waiting_bytes: 1024 * 1024,
            released: 1024,
            released_bytes: 64 * 1024 * 1024,
            connections: 10_000,
            streams: 1024,
            header_list: 16 * 1024,
            metadata,
        }
    }
}

/// The metadata that one message may carry.
#[derive(Clone, Copy, Debug)]
pub(super) struct MetadataLimits {
    entries: usize,
    bytes: usize,
}

impl Server {
    /// What one client may make the server hold: the requests that are read while others hold the
    /// turn, their bytes, and the handlers that run beside each other after they released. At any of
    /// the limits nothing more is read from that client until there is room, and no other client
    /// notices. Default: 1,024 requests, 1 MiB, 1,024 handlers.
    ///
    /// The bytes are checked before a request is read, so the largest message comes on top.
    pub fn client_limits(mut self, requests: usize, bytes: usize, handlers: usize) -> Self {
        self.limits.waiting = requests.max(1);
        self.limits.waiting_bytes = bytes.max(1);
        self.limits.released = handlers.max(1);
        self
    }

    /// How many connections the server has at a time, of all clients together: one for each client's
    /// ordered stream, and one for each session. A further one is closed at once, which its client
    /// sees as a failed attempt to connect, and comes back to. Default: 10,000.
    ///
    /// ```
    /// use quorum_runtime::{Manager, NodeError, Server};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let address = serving(server.max_connections(1)).await;
    /// let client = || Manager::builder().nodes([address.clone()]).build();
    /// let (first, second) = (client()?, client()?);
    /// first.node(1)?.read(()).await?;
    /// let error = second.node(1)?.read(()).await.unwrap_err();
    /// assert!(matches!(error.failure().error, NodeError::Unreachable(_)), "{error}");
    ///
    /// first.close().await;
    /// # while second.node(1)?.read(()).await.is_err() {}
    /// second.node(1)?.read(()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections.min(Semaphore::MAX_PERMITS);
        self
    }

    /// How many HTTP/2 streams one connection may have open at a time: its ordered stream, sessions, and
    /// calls of plain gRPC. A client that wants more has to wait until one of them ends. Default:
    /// 1,024.
    ///
    /// ```
    /// use quorum_runtime::{Manager, Server};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let address = serving(server.http2_max_concurrent_streams(1)).await;
    /// let manager = Manager::builder().nodes([address]).build()?;
    /// manager.node(1)?.read(()).await?; // all calls to a node share one stream
    /// # Ok(())
    /// # }
    /// ```
    pub fn http2_max_concurrent_streams(mut self, streams: u32) -> Self {
        self.limits.streams = streams;
        self
    }

    /// The largest header of an HTTP/2 request, in bytes as HTTP/2 counts them: names, values, and 32
    /// for each entry. It limits the metadata of calls of plain gRPC and that with which streams
    /// are opened. A request with a larger one is refused with the HTTP status 431. Default: 16
    /// KiB.
    ///
    /// The metadata of a message on the ordered stream is limited by
    /// [`max_metadata`](Self::max_metadata).
    ///
    /// ```
    /// use quorum_runtime::{Manager, Server};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let address = serving(server.http2_max_header_list_size(1024)).await;
    /// let manager = Manager::builder().nodes([address]).build()?;
    /// manager.node(1)?.read(()).await?; // opening a stream takes some hundred bytes
    /// # Ok(())
    /// # }
    /// ```
    pub fn http2_max_header_list_size(mut self, bytes: u32) -> Self {
        self.limits.header_list = bytes;
        self
    }

    /// How many entries of metadata a message on the ordered stream may carry, and the bytes of their
    /// names and values together. A message with more is answered with
    /// [`ResourceExhausted`](tonic::Code::ResourceExhausted), and its handler is not called; the
    /// stream goes on. (Who sent a one-way message waits for no answer, and does not see that.) Default: 128 entries and 16 KiB.
    ///
    /// ```
    /// use quorum_runtime::{Code, Manager, Request, Server};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().service(RegisterServer::new(Replica::new()));
    /// let address = serving(server.max_metadata(8, 100)).await;
    /// let manager = Manager::builder().nodes([address]).build()?;
    /// let mut request = Request::new(());
    /// request.metadata_mut().insert("trace", "x".repeat(100).parse()?);
    /// let error = manager.node(1)?.read(request).await.unwrap_err();
    /// assert_eq!(error.failure().error.code(), Code::ResourceExhausted);
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_metadata(mut self, entries: usize, bytes: usize) -> Self {
        self.limits.metadata = MetadataLimits { entries, bytes };
        self
    }
}

impl MetadataLimits {
    /// Why a message with these entries is refused, if it is.
    pub(super) fn check(self, entries: &[Entry]) -> Result<(), Status> {
        let bytes = entries.iter().map(|entry| entry.key.len() + entry.value.len()).sum::<usize>();
        if entries.len() <= self.entries && bytes <= self.bytes {
            return Ok(());
        }
        let Self { entries: most, bytes: limit } = self;
        Err(Status::resource_exhausted(format!(
            "the metadata of {} entries and {bytes} bytes is over the limit of {most} entries and \
             {limit} bytes",
            entries.len()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: usize, key: &str) -> Vec<Entry> {
        vec![Entry { key: key.to_owned(), value: "v".to_owned() }; count]
    }

    #[test]
    fn metadata_is_limited_in_number_and_in_bytes() {
        let limits = MetadataLimits { entries: 2, bytes: 10 };
        assert!(limits.check(&[]).is_ok());
        assert!(limits.check(&entries(2, "four")).is_ok());
        assert!(limits.check(&entries(3, "k")).is_err());
        let status = limits.check(&entries(1, "ten-or-more")).unwrap_err();
        assert_eq!(
            status.message(),
            "the metadata of 1 entries and 12 bytes is over the limit of 2 entries and 10 bytes"
        );
    }
}
