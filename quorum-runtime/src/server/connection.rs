use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::transport::server::Connected;

use super::stop::{Stop, Watch};

/// A connection to this server, which can be cut off, and is counted as long as it lives.
///
/// HTTP/2 closes a connection when all its streams have ended. A client that does not end its own,
/// or that never speaks, would keep the server for ever.
#[derive(Debug)]
pub(super) struct Connection<IO> {
    io: IO,
    cut: Watch,
    _place: OwnedSemaphorePermit,
    _running: TaskTrackerToken,
}

impl<IO> Connection<IO> {
    /// In a place among the connections that the server may have, for as long as it lives.
    pub(super) fn new(io: IO, place: OwnedSemaphorePermit, stop: &Stop) -> Self {
        let running = stop.running.token();
        Self { io, cut: stop.watch_cut(), _place: place, _running: running }
    }

    fn check(&mut self, task: &mut Context<'_>) -> io::Result<()> {
        if !self.cut.is_given(task) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server has stopped"))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Connection<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(task)?;
        Pin::new(&mut self.io).poll_read(task, buffer)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Connection<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(task)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(task, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl<IO: Connected> Connected for Connection<IO> {
    type ConnectInfo = IO::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}
