use std::io;

use anyhow::Result;
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::envelope::{malformed, read, write_reply};
use super::frames::Frames;
use crate::benchmark::Block;

pub(crate) async fn serve(
    listener: TcpListener,
    signal: impl Future<Output = ()> + Send,
) -> Result<()> {
    // Dropped at the signal, and its connections with it.
    let mut connections = JoinSet::new();
    tokio::pin!(signal);
    loop {
        tokio::select! {
            biased;
            () = &mut signal => return Ok(()),
            accepted = listener.accept() => {
                let (connection, _) = accepted?;
                connection.set_nodelay(true)?;
                connections.spawn(acknowledge(connection));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers every request that has come with one write.
async fn acknowledge(mut connection: TcpStream) -> io::Result<()> {
    let (mut frames, mut replies) = (Frames::default(), Vec::new());
    while frames.read(&mut connection).await? {
        while let Some(frame) = frames.next()? {
            let (sequence, payload) = read(frame)?;
            Block::decode(payload).map_err(|error| malformed(&error.to_string()))?;
            write_reply(sequence, &mut replies);
        }
        connection.write_all(&replies).await?;
        replies.clear();
    }
    Ok(())
}
