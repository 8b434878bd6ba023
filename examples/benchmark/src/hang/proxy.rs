//! Stands in front of a server, and can stop reading what is sent to it.

use std::io;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes that are read at once. While it hangs it holds no more of each connection.
const PIECE: usize = 64 * 1024;

/// Ends with its connections when it is dropped.
#[derive(Debug)]
pub(super) struct Proxy {
    address: String,
    hangs: watch::Sender<bool>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// Starts on a free port in front of a server.
    pub(super) async fn start(server: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("cannot listen on the loopback interface")?;
        let (address, hangs) = (listener.local_addr()?.to_string(), watch::Sender::new(false));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, server.to_owned(), hangs.clone()));
        Ok(Self { address, hangs, _accepting: accepting })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether the server hangs from now on: nothing is read, and what is sent piles up at the sender.
    pub(super) fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }
}

async fn accept(listener: TcpListener, server: String, hangs: watch::Sender<bool>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (server, hangs) = (server.clone(), hangs.subscribe());
        connections.spawn(async move { drop(connect(client, &server, hangs).await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn connect(client: TcpStream, server: &str, hangs: watch::Receiver<bool>) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let requests = pass(from_client, to_server, hangs.clone());
    tokio::try_join!(requests, pass(from_server, to_client, hangs)).map(drop)
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut hangs: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        from.readable().await?;
        // A proxy that is gone hangs no longer.
        let _ = hangs.wait_for(|hangs| !hangs).await;
        match from.read(&mut piece).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => to.write_all(&piece[..read]).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn nothing_comes_through_while_it_hangs_and_all_of_it_after() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(&server.local_addr().unwrap().to_string()).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut server, _) = server.accept().await.unwrap();
        client.write_all(b"1").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'1');

        proxy.hang(true);
        client.write_all(b"2").await.unwrap();
        timeout(Duration::from_millis(50), server.read_u8()).await.unwrap_err();

        proxy.hang(false);
        assert_eq!(server.read_u8().await.unwrap(), b'2');
        server.write_all(b"3").await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'3');
        drop(client);
        assert!(server.read_u8().await.is_err(), "an end is passed on too");
    }
}
