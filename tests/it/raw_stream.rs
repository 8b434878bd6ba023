//! The stream as a peer sees it that is not ours: literal bytes, good and bad.

use bytes::{Buf as _, BufMut as _, Bytes};
use futures::{StreamExt as _, stream};
use http::uri::PathAndQuery;
use quorum_tests::recorder::RecorderNode as _;
use quorum_tests::{PATIENCE, TestServer, item, manager};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status, Streaming};

/// gRPC messages as they are.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// A stream on which these messages were sent, and which stays open.
async fn sent(server: &TestServer, messages: &[&'static [u8]]) -> Streaming<Bytes> {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
    let mut client = Grpc::new(endpoint.connect().await.unwrap());
    client.ready().await.unwrap();
    let messages: Vec<_> = messages.iter().map(|bytes| Bytes::from_static(bytes)).collect();
    let open = stream::iter(messages).chain(stream::pending());
    let path = PathAndQuery::from_static("/stream.Gorums/NodeStream");
    client.streaming(Request::new(open), path, Raw).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<Bytes>) -> Result<Option<Bytes>, Status> {
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
