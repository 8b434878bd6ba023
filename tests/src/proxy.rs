use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Bytes that a direction of a connection reads at once, and all that it ever holds.
const PIECE: usize = 8 * 1024;

/// Stands between a client and a server, and does to their connections what networks do.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What happens to the bytes of every connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Traffic {
    /// They are passed on.
    #[default]
    Pass,
    /// They are passed on, each piece after this time.
    Delay(Duration),
    /// Nothing is read: what is sent piles up at its sender.
    Hold,
    /// Everything is read and nothing passed on: the other end seems silently gone.
    Swallow,
}

/// A direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As a process that dies ends it, or a firewall: both sides are reset.
    Reset,
    /// As a process that closes it: both sides see its end.
    Finish,
    /// As a lost route ends it: the client is reset, the server is told nothing.
    ClientAlone,
}

/// Where a connection ends.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Whose bytes are counted.
    pub way: Way,
    /// After how many of them.
    pub after: u64,
    /// How.
    pub end: End,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    traffic: watch::Sender<Traffic>,
    /// A new value ends every connection that is open.
    cut_now: watch::Sender<Option<End>>,
    /// For the next connection.
    cut: Mutex<Option<Cut>>,
    cuts: AtomicUsize,
    connections: AtomicUsize,
    passed: [AtomicU64; 2],
}

impl Proxy {
    /// Starts on a free port in front of a server, at `host:port`, on this task's runtime.
    ///
    /// # Panics
    ///
    /// When the machine has no port left, or the address is none.
    pub async fn start(server: &str) -> Self {
        let shared = Arc::new(Shared {
            server: server.parse().expect("an address"),
            traffic: watch::Sender::default(),
            cut_now: watch::Sender::default(),
            cut: Mutex::default(),
            cuts: AtomicUsize::default(),
            connections: AtomicUsize::default(),
            passed: Default::default(),
        });
        let mut proxy = Self { address: ([127, 0, 0, 1], 0).into(), shared, accepting: None };
        proxy.listen().await;
        proxy
    }

    /// `host:port`, for clients.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What happens to bytes from now on, on every connection.
    pub fn set(&self, traffic: Traffic) {
        self.shared.traffic.send_replace(traffic);
    }

    /// Ends the next connection as it says.
    pub fn cut_next(&self, cut: Cut) {
        *self.shared.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }

    /// Ends every connection that is open.
    pub fn cut_now(&self, end: End) {
        self.shared.cut_now.send_replace(Some(end));
    }

    /// Refuses connections from now on. Those that are open stay.
    pub async fn refuse(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            // The port is closed when the task is gone.
            let _ = accepting.await;
        }
    }

    /// Accepts connections again.
    ///
    /// # Panics
    ///
    /// When somebody else has taken the port.
    pub async fn listen(&mut self) {
        self.refuse().await;
        let listener = TcpListener::bind(self.address).await.expect("a port");
        self.address = listener.local_addr().expect("it is bound");
        let shared = Arc::clone(&self.shared);
        self.accepting = Some(tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                tokio::spawn(relay(Arc::clone(&shared), client));
            }
        }));
    }

    /// How many connections came to the end that [`cut_next`](Self::cut_next) gave them.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::Relaxed)
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many bytes went this way, on all connections.
    #[must_use]
    pub fn passed(&self, way: Way) -> u64 {
        self.shared.passed[way as usize].load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut_now(End::Reset);
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
    }
}

/// Passes the bytes of one connection until one of its ends, or the proxy, has enough.
async fn relay(shared: Arc<Shared>, mut client: TcpStream) {
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let cut = shared.cut.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut cut_now = shared.cut_now.subscribe();
    let Ok(mut server) = TcpStream::connect(shared.server).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let limit = |way| cut.filter(|cut| cut.way == way).map(|cut| (cut.after, cut.end));
    let both = async {
        tokio::try_join!(
            pump(&shared, Way::ToServer, limit(Way::ToServer), from_client, to_server),
            pump(&shared, Way::ToClient, limit(Way::ToClient), from_server, to_client),
        )
    };
    let end = tokio::select! { biased;
        Ok(()) = cut_now.changed() => cut_now.borrow().unwrap_or(End::Reset),
        ended = both => ended.err().unwrap_or(End::Finish),
    };
    if end != End::Finish {
        let _ = client.set_zero_linger();
    }
    if end == End::Reset {
        let _ = server.set_zero_linger();
    }
    drop(client);
    if end == End::ClientAlone {
        // Until the proxy is dropped, or cuts again.
        let _ = cut_now.changed().await;
    }
}

/// Passes the bytes of one direction until its sender has said all; an error is how the connection
/// is to end.
async fn pump(
    shared: &Shared,
    way: Way,
    mut cut: Option<(u64, End)>,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> Result<(), End> {
    let mut control = shared.traffic.subscribe();
    let mut piece = [0; PIECE];
    loop {
        if let Some((0, end)) = cut {
            shared.cuts.fetch_add(1, Ordering::Relaxed);
            return Err(end);
        }
        let traffic = *control.borrow_and_update();
        let room = cut.map_or(PIECE, |(left, _)| usize::try_from(left).unwrap_or(PIECE).min(PIECE));
        let read = tokio::select! { biased;
            Ok(()) = control.changed() => continue,
            read = from.read(&mut piece[..room]), if traffic != Traffic::Hold => read,
        };
        if traffic == Traffic::Swallow && !matches!(read, Ok(1..)) {
            // An end is swallowed as well.
            let _ = control.changed().await;
            return Err(End::Reset);
        }
        let read = match read {
            Ok(0) => return to.shutdown().await.map_err(|_| End::Reset),
            Ok(read) => read,
            Err(_) => return Err(End::Reset),
        };
        if let Some((left, _)) = &mut cut {
            *left -= read as u64;
        }
        if let Traffic::Delay(time) = traffic {
            tokio::time::sleep(time).await;
        }
        if traffic != Traffic::Swallow {
            to.write_all(&piece[..read]).await.map_err(|_| End::Reset)?;
            shared.passed[way as usize].fetch_add(read as u64, Ordering::Relaxed);
        }
    }
}
