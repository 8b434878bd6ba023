//! Storms of hostile frames, at a server and at a client.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, stream};
use prost::Message as _;
use quorum_runtime::{Majority, NodeError};
use tokio::time::timeout;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::frames::{Frame, Frames};
use crate::raw::{RawServer, Said, raw_channel, raw_stream};
use crate::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use crate::{PATIENCE, builder, item};

/// Frames of one stream, all but the last of which can be decoded.
pub const BATCH: usize = 64;

/// Sequence numbers that the frames of a storm speak of.
const SEQUENCES: [u64; 6] = [1, 2, 3, 4, 5, 6];
/// Those of the requests that tell where a server is; no frame speaks of them but by chance.
const HERE: u64 = 0x5157_0000_0001;
const BEYOND: u64 = 0x5157_0000_0002;

/// Sends this many frames to a server, a batch on each stream. An ordinary request behind each batch
/// shows that the server has dealt with it.
///
/// # Panics
///
/// When the server does not answer such a request.
pub async fn at_server(address: &str, seed: u64, frames: usize) {
    let mut random = Frames::new(seed);
    let channel = raw_channel(address).await;
    for batch in 0..frames.div_ceil(BATCH) {
        let place = format!("seed {seed}, batch {batch}");
        let number = batch as u64;
        let ask = |sequence| Frame::new(sequence, "recorder.Recorder.Ask", &item(number)).bytes();
        let mut sent: Vec<_> = (1..BATCH).map(|_| random.decodable(&SEQUENCES)).collect();
        sent.extend([ask(HERE), random.undecodable(&SEQUENCES), ask(BEYOND)]);
        let ended = stream_of(channel.clone(), batch % 2 == 0, sent, number);
        timeout(PATIENCE, ended).await.unwrap_or_else(|_| panic!("{place}: no answer"));
    }
}

/// Sends one batch and reads until the server has answered what is behind it, and then ended the
/// stream because of the last frame, or passed it.
async fn stream_of(channel: Channel, ours: bool, sent: Vec<Bytes>, number: u64) {
    let open = stream::iter(sent).chain(stream::pending());
    let mut replies = raw_stream(channel, ours, open).await;
    let mut is_here = false;
    while let Ok(Some(reply)) = replies.message().await {
        let reply = Frame::received(reply);
        if reply.sequence == HERE {
            assert_eq!(reply.item().number, number, "{reply:?}");
            is_here = true;
        }
        if reply.sequence == BEYOND {
            break;
        }
    }
    assert!(is_here, "a frame that can be decoded ended the stream");
}

/// Sends this many frames to a client that makes calls of every kind, a batch on each stream. A call
/// whose reply stands behind each batch shows that the client has dealt with it.
///
/// # Panics
///
/// When such a call is not answered, or another one ends with anything but its own outcome.
pub async fn at_client(seed: u64, frames: usize) {
    let random = Arc::new(Mutex::new(Frames::new(seed)));
    let ours = AtomicBool::new(false);
    let server = RawServer::start(
        move || ours.fetch_xor(true, Ordering::Relaxed),
        move |requests, said| batches(Arc::clone(&random), requests, said),
    )
    .await;
    let manager = builder([server.address()])
        .reconnect_wait(Duration::from_millis(1), Duration::from_millis(1))
        .build()
        .expect("a manager");
    let node = manager.node(1).expect("it is there");
    let recorder = manager.recorder(Majority).expect("it has a node");
    for batch in 0..frames.div_ceil(BATCH) {
        let place = format!("seed {seed}, batch {batch}");
        // Their replies are anything, or none.
        let (asked, again) = (node.ask(item(0)), node.ask_again(item(0)));
        let mut recorded = recorder.record(item(0)).replies();
        let mut watched = recorder.watch(item(0));
        drop(node.tell(item(0)));
        let number = LAST + batch as u64;
        loop {
            let asked = timeout(PATIENCE, node.ask(item(number)).into_future());
            match asked.await.unwrap_or_else(|_| panic!("{place}: no answer")) {
                Ok(reply) => {
                    assert_eq!(reply.number, number, "{place}");
                    break;
                }
                // It met the end of the stream before.
                Err(error) => {
                    let error = &error.failure().error;
                    let is_cut =
                        matches!(error, NodeError::Disconnected(_) | NodeError::Unreachable(_));
                    assert!(is_cut, "{place}: {error}");
                }
            }
        }
        // Whatever has come for them is looked at.
        let _ = asked.into_future().now_or_never();
        let _ = again.into_future().now_or_never();
        while let Some(Some(_)) = recorded.next().now_or_never() {}
        while let Some(Some(_)) = watched.next().now_or_never() {}
    }
}

/// The numbers of the requests that are answered as they should be begin here.
const LAST: u64 = 1 << 32;

/// Answers the last request of each round behind a batch of frames, and ends the stream.
async fn batches(random: Arc<Mutex<Frames>>, mut requests: Streaming<Bytes>, said: Said) {
    let mut sequences = vec![1];
    while let Ok(Some(request)) = requests.message().await {
        let request = Frame::received(request);
        let item = request.item();
        if item.number < LAST {
            sequences.push(request.sequence);
            continue;
        }
        let last = Frame::new(request.sequence, "", &item).bytes();
        let frames: Vec<Bytes> = {
            let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
            let speaks_of_it = |bytes: &Bytes| {
                Frame::decode(&bytes[..]).is_ok_and(|frame| frame.sequence == request.sequence)
            };
            let mut frames: Vec<_> = (1..BATCH).map(|_| random.decodable(&sequences)).collect();
            frames.retain(|bytes| !speaks_of_it(bytes));
            frames.extend([last, random.undecodable(&sequences)]);
            frames
        };
        for frame in frames {
            if said.send(Ok(frame)).await.is_err() {
                return;
            }
        }
    }
}
