//! **11. No panic, no unbounded allocation** from anything that a peer can send.
//!
//! Frames that are random, or mutated from good ones, are sent to a server and to a client, with
//! ordinary calls in between that must be answered; then garbage below the frames. A panic is noted
//! wherever it is caught. `tests/memory.rs` sends some of them while it counts what is allocated.
//!
//! `QUORUM_FRAMES` says how many frames there are, `QUORUM_SEED` which. `.ci/run` sends a million to
//! each side.

use std::env;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use quorum_runtime::{Code, Manager, NodeError, Request};
use quorum_tests::raw::{Bodies, PATH, raw_channel};
use quorum_tests::recorder::RecorderNode as _;
use quorum_tests::{Frames, PATIENCE, Panics, TestServer, builder, cluster, item, manager, storm};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tonic::body::Body;
use tower_service::Service as _;

use crate::raw_stream::{next, sent};

/// Enough to meet every mutation many times, and little enough for a test without optimisation.
const FRAMES: usize = 20_000;

fn variable<T: std::str::FromStr>(name: &str, default: T) -> T {
    let value = env::var(name).ok();
    value.map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name}={value}")))
}

#[tokio::test]
async fn a_server_outlives_random_and_mutated_frames() {
    let panics = Panics::watch();
    let (frames, seed) = (variable("QUORUM_FRAMES", FRAMES), variable("QUORUM_SEED", 11));
    let server = TestServer::start().await;
    storm::at_server(&server.address(), seed, frames).await;
    assert_eq!(panics.so_far(), Vec::<String>::new(), "{frames} frames of seed {seed}");
    let manager = manager(std::slice::from_ref(&server));
    assert_eq!(manager.node(1).unwrap().ask(item(7)).await.unwrap().number, 7);
}

#[tokio::test]
async fn a_client_outlives_random_and_mutated_frames() {
    let panics = Panics::watch();
    let (frames, seed) = (variable("QUORUM_FRAMES", FRAMES), variable("QUORUM_SEED", 11));
    storm::at_client(seed, frames).await;
    assert_eq!(panics.so_far(), Vec::<String>::new(), "{frames} frames of seed {seed}");
}

#[tokio::test]
async fn bytes_that_are_no_message_end_the_stream_with_a_status_and_the_server_lives() {
    let (servers, manager) = cluster::<1>().await;
    let garbage: [&[u8]; 5] = [
        b"\xff\xff\xff\xff",
        b"\x08",
        b"\x12\x7fshort",
        b"\x12\x02\xff\xfe",
        b"\x22\x04\x0a\x02\xff\xff",
    ];
    for bytes in garbage {
        let status = next(&mut sent(&servers[0], &[bytes]).await).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal, "{bytes:?}: {status:?}");
        assert!(status.message().starts_with("undecodable envelope: "), "{status:?}");
    }
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
}

#[tokio::test]
async fn a_port_that_speaks_no_http_is_an_error_and_not_a_hang() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answering = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(b"SSH-2.0-whatever\r\n").await.unwrap();
        }
    });
    let manager = Manager::builder().nodes([address]).timeout(PATIENCE).build().unwrap();
    let mut request = Request::new(item(1));
    request.set_timeout(Duration::from_secs(10));
    let error = manager.node(1).unwrap().ask(request).await.unwrap_err();
    assert!(!error.to_string().contains("no reply within"), "{error}");
    answering.abort();
}

/// The bytes with which HTTP/2 begins, and an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

/// Garbage for a connection: at once, behind a good beginning, or in frames of HTTP/2.
fn garbage(random: &mut Frames, round: usize, preface: &[u8]) -> Vec<u8> {
    let noise = random.noise(500);
    match round % 3 {
        0 => noise,
        1 => [preface, SETTINGS, &noise].concat(),
        _ => {
            let mut bytes = [preface, SETTINGS].concat();
            // Of each type that there is and some that are not, on a stream that may be there.
            for (frame, noise) in noise.chunks(20).enumerate() {
                bytes.extend([0, 0, noise.len() as u8, frame as u8 % 12, noise[0], 0, 0, 0, 1]);
                bytes.extend(noise);
            }
            bytes
        }
    }
}

#[tokio::test]
async fn a_server_outlives_garbage_instead_of_http() {
    let panics = Panics::watch();
    let (servers, manager) = cluster::<1>().await;
    let mut random = Frames::new(variable("QUORUM_SEED", 11));
    for round in 0..300 {
        let mut socket = TcpStream::connect(servers[0].address()).await.unwrap();
        // The server may have had enough before all is written or read.
        let _ = socket.write_all(&garbage(&mut random, round, PREFACE)).await;
        let _ = socket.shutdown().await;
        let mut answer = Vec::new();
        let reading = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
        assert!(reading.is_ok(), "round {round}: the server keeps the connection");
    }
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
    assert_eq!(panics.so_far(), Vec::<String>::new());
}

#[tokio::test]
async fn a_client_outlives_garbage_instead_of_http() {
    let panics = Panics::watch();
    let server = TestServer::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wait = Duration::from_millis(1);
    let node = [listener.local_addr().unwrap().to_string()];
    let manager = builder(node).reconnect_wait(wait, wait).build().unwrap();
    let node = manager.node(1).unwrap();
    let mut random = Frames::new(variable("QUORUM_SEED", 11));
    for round in 0..300 {
        let asked = node.ask(item(1)).into_future();
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.write_all(&garbage(&mut random, round, &[])).await;
        let _ = socket.shutdown().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await.unwrap();
        drop(socket);
        let error = asked.await.unwrap_err();
        let error = &error.failure().error;
        let is_cut = matches!(error, NodeError::Unreachable(_) | NodeError::Disconnected(_));
        assert!(is_cut, "round {round}: {error}");
    }
    // Somebody better takes the port.
    let address = listener.local_addr().unwrap();
    drop(listener);
    let proxy = TcpListener::bind(address).await.unwrap();
    let asked = node.ask(item(7)).into_future();
    let relaying = tokio::spawn(async move {
        loop {
            let (mut client, _) = proxy.accept().await.unwrap();
            let mut server = TcpStream::connect(server.address()).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    });
    assert_eq!(asked.await.unwrap().number, 7);
    relaying.abort();
    assert_eq!(panics.so_far(), Vec::<String>::new());
}

/// A gRPC message: a flag, a length, and bytes, not all of which need to fit.
fn message(flag: u8, length: u32, bytes: &[u8]) -> Bytes {
    let mut message = BytesMut::new();
    message.put_u8(flag);
    message.put_u32(length);
    message.put_slice(bytes);
    message.freeze()
}

/// gRPC messages that are none.
fn broken_messages() -> Vec<Bytes> {
    let good = b"\x08\x01\x12\x16recorder.Recorder.Tell";
    vec![
        Bytes::new(),
        Bytes::from_static(&[0]),
        Bytes::from_static(&[0, 0, 0]),
        message(0, 0, b""),
        message(0, 1, good),
        message(0, good.len() as u32 + 1, good),
        message(0, u32::MAX, good),
        message(0, 4 * 1024 * 1024 + 1, good),
        message(1, good.len() as u32, good),
        message(7, good.len() as u32, good),
        message(255, 0, b""),
    ]
}

#[tokio::test]
async fn a_server_outlives_bytes_that_are_no_grpc_messages() {
    let panics = Panics::watch();
    let (servers, manager) = cluster::<1>().await;
    for encoding in [None, Some("gzip"), Some("identity"), Some("nonsense")] {
        let mut channel = raw_channel(&servers[0].address()).await;
        for bytes in broken_messages() {
            let uri = format!("http://{}{PATH}", servers[0].address());
            let mut request = http::Request::post(uri).header("content-type", "application/grpc");
            if let Some(encoding) = encoding {
                request = request.header("grpc-encoding", encoding);
            }
            let body = Body::new(Full::new(bytes.clone()));
            std::future::poll_fn(|task| channel.poll_ready(task)).await.unwrap();
            let response = channel.call(request.body(body).unwrap()).await.unwrap();
            let end = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
            assert!(end.is_ok(), "{bytes:?}: the stream goes on");
        }
    }
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
    assert_eq!(panics.so_far(), Vec::<String>::new());
}

#[tokio::test]
async fn a_client_outlives_bytes_that_are_no_grpc_messages() {
    let panics = Panics::watch();
    let rounds = broken_messages().len();
    let address = Bodies::start(broken_messages()).await;
    let wait = Duration::from_millis(1);
    let manager = builder([address]).reconnect_wait(wait, wait).build().unwrap();
    for round in 0..2 * rounds {
        let error = manager.node(1).unwrap().ask(item(1)).await.unwrap_err();
        let error = &error.failure().error;
        let is_cut = matches!(error, NodeError::Disconnected(_) | NodeError::Unreachable(_));
        assert!(is_cut, "round {round}: {error}");
    }
    assert_eq!(panics.so_far(), Vec::<String>::new());
}
