//! The network of a simulation: turmoil's TCP, with connections that can be broken.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use futures::Stream;
use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::{Connected, TcpConnectInfo};
use turmoil::net::{TcpListener, TcpStream};

use super::Place;
use super::world::{Here, World};

/// A simulated connection, at either end.
#[derive(Debug)]
pub(crate) struct Connection {
    line: Arc<Line>,
    here: Here,
}

/// What a machine knows of a connection of its own.
#[derive(Debug)]
pub(super) struct Line {
    remote: IpAddr,
    /// Gone when the connection was closed from outside.
    stream: Mutex<Option<TcpStream>>,
    is_broken: AtomicBool,
    reader: AtomicWaker,
}

impl Line {
    /// Both ends find the connection reset, the other one when that has reached it.
    pub(super) fn break_it(&self, other: IpAddr) {
        if self.remote == other {
            self.is_broken.store(true, Ordering::Relaxed);
            self.reader.wake();
        }
    }

    fn stream(&self) -> MutexGuard<'_, Option<TcpStream>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Here {
    /// Opens a connection to another machine.
    pub(crate) async fn connect(self, host: &str, port: u16) -> io::Result<Connection> {
        // Names are those of the real world, which a simulation must not ask.
        let ip: IpAddr = host.parse().map_err(|_| {
            let why = format!("{host} is no address in this simulation: ask Host::nodes for them");
            io::Error::new(io::ErrorKind::NotFound, why)
        })?;
        let to = SocketAddr::new(ip, port);
        let stream = TcpStream::connect(to).await?;
        Ok(Connection::new(self, stream, ip))
    }

    /// The connections that others open to this port of this machine.
    pub(crate) async fn listen(
        &self,
        port: u16,
    ) -> io::Result<impl Stream<Item = io::Result<Connection>> + Send + use<>> {
        let listener = TcpListener::bind(SocketAddr::new([0, 0, 0, 0].into(), port)).await?;
        let here = self.clone();
        Ok(futures::stream::unfold((listener, here), |(listener, here)| async {
            let accepted = listener
                .accept()
                .await
                .map(|(stream, origin)| Connection::new(here.clone(), stream, origin.ip()));
            Some((accepted, (listener, here)))
        }))
    }
}

impl Connection {
    fn new(here: Here, stream: TcpStream, remote: IpAddr) -> Self {
        let (is_broken, reader) = (AtomicBool::new(false), AtomicWaker::new());
        let line = Arc::new(Line { remote, stream: Mutex::new(Some(stream)), is_broken, reader });
        let mut machine = here.world.machine(here.place);
        machine.lines.retain(|line| line.strong_count() > 0);
        machine.lines.push(Arc::downgrade(&line));
        drop(machine);
        Self { line, here }
    }

    /// Does something with the stream, if it is not broken.
    fn with<T>(
        &self,
        reader: Option<&Waker>,
        work: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Some(reader) = reader {
            self.line.reader.register(reader);
        }
        match &mut *self.line.stream() {
            Some(stream) if !self.line.is_broken.load(Ordering::Relaxed) => work(Pin::new(stream)),
            _ => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }
}

impl Drop for Connection {
    /// The tasks of a killed process are dropped in an order that differs from run to run, and each
    /// connection that closes draws a delay. So the first one closes all, in the order in which they
    /// were opened.
    fn drop(&mut self) {
        if !self.here.is_running() {
            close_all(&self.here.world, self.here.place);
        }
    }
}

/// Closes all connections of a machine, the oldest first.
pub(super) fn close_all(world: &World, place: Place) {
    let lines = std::mem::take(&mut world.machine(place).lines);
    for line in lines.iter().filter_map(Weak::upgrade) {
        let stream = line.stream().take();
        drop(stream);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let reader = task.waker().clone();
        self.with(Some(&reader), |stream| stream.poll_read(task, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(None, |stream| stream.poll_write(task, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(None, |stream| stream.poll_flush(task))
    }

    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(None, |stream| stream.poll_shutdown(task))
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        let stream = self.line.stream();
        let address = |of: fn(&TcpStream) -> io::Result<SocketAddr>| of(stream.as_ref()?).ok();
        TcpConnectInfo {
            local_addr: address(TcpStream::local_addr),
            remote_addr: address(TcpStream::peer_addr),
        }
    }
}
