//! The stream as a peer sees it that is not ours: literal bytes, good and bad.

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use quorum_tests::raw::{raw_channel, raw_stream};
use quorum_tests::recorder::RecorderNode as _;
use quorum_tests::{PATIENCE, TestServer, item, manager};
use tonic::{Code, Status, Streaming};

/// A stream on which these messages were sent, and which stays open.
pub(crate) async fn sent(server: &TestServer, messages: &[&'static [u8]]) -> Streaming<Bytes> {
    let messages: Vec<_> = messages.iter().map(|bytes| Bytes::from_static(bytes)).collect();
    let open = stream::iter(messages).chain(stream::pending());
    raw_stream(raw_channel(&server.address()).await, false, open).await
}

pub(crate) async fn next(stream: &mut Streaming<Bytes>) -> Result<Option<Bytes>, Status> {
    tokio::time::timeout(PATIENCE, stream.message()).await.expect("something comes")
}

#[tokio::test]
async fn a_request_of_a_gorums_client_is_answered_with_its_method() {
    let server = TestServer::start().await;
    let mut replies =
        sent(&server, &[b"\x08\x01\x12\x15recorder.Recorder.Ask\x2a\x02\x08\x07"]).await;
    let reply = next(&mut replies).await.unwrap().unwrap();
    assert_eq!(&reply[..], b"\x08\x01\x12\x15recorder.Recorder.Ask\x2a\x02\x08\x07");
}

#[tokio::test]
async fn an_unknown_method_is_answered_and_the_stream_goes_on() {
    let server = TestServer::start().await;
    let requests: [&[u8]; 2] = [b"\x08\x05\x12\x05a.B.C", b"\x08\x06\x12\x15recorder.Recorder.Ask"];
    let mut replies = sent(&server, &requests).await;
    let refusal = next(&mut replies).await.unwrap().unwrap();
    assert!(refusal.starts_with(b"\x08\x05\x12\x05a.B.C\x1a"), "{refusal:?}");
    assert!(refusal.windows(2).any(|two| two == [8, Code::Unimplemented as u8]), "{refusal:?}");
    let reply = next(&mut replies).await.unwrap().unwrap();
    assert_eq!(&reply[..], b"\x08\x06\x12\x15recorder.Recorder.Ask");
}

#[tokio::test]
async fn an_undecodable_request_is_answered_even_where_nothing_else_would_be() {
    let server = TestServer::start().await;
    let mut replies =
        sent(&server, &[b"\x08\x01\x12\x16recorder.Recorder.Tell\x2a\x02\xff\xff"]).await;
    let refusal = next(&mut replies).await.unwrap().unwrap();
    assert!(refusal.starts_with(b"\x08\x01\x12\x16recorder.Recorder.Tell\x1a"), "{refusal:?}");
    assert!(refusal.windows(2).any(|two| two == [8, Code::InvalidArgument as u8]), "{refusal:?}");
}

#[tokio::test]
async fn a_client_that_half_closes_gets_its_last_replies() {
    let server = TestServer::start().await;
    let manager = manager(std::slice::from_ref(&server));
    let call = manager.node(1).unwrap().ask(item(1));
    drop(manager);
    assert_eq!(call.await.unwrap().number, 1);
}
