//! What a server takes of one peer.

use std::time::Duration;

use http::uri::PathAndQuery;
use quorum_runtime::{Code, Request};
use quorum_tests::recorder::{Item, RecorderNode as _};
use quorum_tests::{item, text};
use tonic::client::Grpc;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

use super::{builder, recording, serving};

#[tokio::test]
async fn a_message_with_too_much_metadata_is_refused_and_the_stream_goes_on() {
    let (server, recording) = recording();
    let port = serving(server.max_metadata(2, 20)).await;
    let manager = builder(port).build().unwrap();
    let node = manager.node(1).unwrap();
    let with = |entries: &[(&'static str, &'static str)]| {
        let mut request = Request::new(item(1));
        for (key, value) in entries {
            request.metadata_mut().append(*key, value.parse().unwrap());
        }
        request
    };
    for refused in [
        with(&[("a", "1"), ("b", "2"), ("c", "3")]),
        with(&[("a", "1"), ("a", "2"), ("a", "3")]),
        with(&[("key", "twenty-one bytes..")]),
    ] {
        let error = node.ask(refused).await.unwrap_err();
        assert_eq!(error.failure().error.code(), Code::ResourceExhausted, "{error}");
        assert!(error.to_string().contains("is over the limit of 2 entries and 20 bytes"));
    }
    assert!(recording.noted().is_empty(), "their handlers were not called");
    node.ask(with(&[("a", "1"), ("b", "2")])).await.unwrap();
    node.ask(with(&[("key", "twenty bytes ...")])).await.unwrap();
}

#[tokio::test]
async fn a_connection_has_no_more_streams_than_it_may() {
    let (server, recording) = recording();
    let port = serving(server.http2_max_concurrent_streams(2)).await;
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let ask = async |item: Item| {
        let mut client = Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let path = PathAndQuery::from_static("/recorder.Recorder/Ask");
        let codec = ProstCodec::<Item, Item>::default();
        client.unary(Request::new(item), path, codec).await
    };
    ask(item(1)).await.unwrap(); // the server's settings have come
    let both = async { tokio::join!(ask(text("wait")), ask(text("wait"))) };
    let (mut both, mut third) = (Box::pin(both), Box::pin(ask(item(3))));
    let waited = async { tokio::join!(&mut both, &mut third) };
    let waited = tokio::time::timeout(Duration::from_millis(200), waited).await;
    assert!(waited.is_err(), "the third waits for one of the others");
    assert_eq!(recording.noted(), [1]);
    recording.open(2);
    let ((one, two), third) = tokio::join!(both, third);
    one.unwrap();
    two.unwrap();
    third.unwrap();
    assert_eq!(recording.noted().last(), Some(&3));
}

#[tokio::test]
async fn a_header_that_is_too_large_is_refused() {
    let port = serving(recording().0.http2_max_header_list_size(1000)).await;
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
    let mut client = Grpc::new(endpoint.connect().await.unwrap());
    let mut ask = async |padding: usize| {
        client.ready().await.unwrap();
        let path = PathAndQuery::from_static("/recorder.Recorder/Ask");
        let mut request = Request::new(item(1));
        request.metadata_mut().insert("padding", "x".repeat(padding).parse().unwrap());
        client.unary(request, path, ProstCodec::<Item, Item>::default()).await
    };
    ask(100).await.unwrap();
    let error = ask(1000).await.unwrap_err();
    assert!(error.message().ends_with("HTTP status code 431"), "{error:?}");
    ask(100).await.unwrap();
}
