//! Our methods as a plain tonic client calls them.

use futures::StreamExt as _;
use http::uri::PathAndQuery;
use quorum_runtime::{Code, Request, Server, Status};
use quorum_tests::recorder::Item;
use quorum_tests::{PATIENCE, Recording, TestServer, eventually, item, text};
use tokio::net::TcpStream;
use tonic::Streaming;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::{recording, serving};

/// A tonic client of the recorder, as one that is generated would be.
#[derive(Clone)]
struct Client(Grpc<Channel>);

impl Client {
    async fn connect(port: u16) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
        Self(Grpc::new(endpoint.connect().await.unwrap()).max_decoding_message_size(64 << 20))
    }

    async fn unary(&mut self, path: &'static str, request: Request<Item>) -> Result<Item, Status> {
        self.0.ready().await.unwrap();
        let path = PathAndQuery::from_static(path);
        let codec = ProstCodec::<Item, Item>::default();
        let reply = tokio::time::timeout(PATIENCE, self.0.unary(request, path, codec));
        reply.await.expect("it ends").map(tonic::Response::into_inner)
    }

    async fn ask(&mut self, request: Item) -> Result<Item, Status> {
        self.unary("/recorder.Recorder/Ask", Request::new(request)).await
    }

    async fn watch(&mut self, request: Request<Item>) -> Result<Streaming<Item>, Status> {
        self.0.ready().await.unwrap();
        let path = PathAndQuery::from_static("/recorder.Recorder/Watch");
        let codec = ProstCodec::<Item, Item>::default();
        self.0.server_streaming(request, path, codec).await.map(tonic::Response::into_inner)
    }
}

async fn client() -> (Client, Recording) {
    let (server, recording) = recording();
    (Client::connect(serving(server).await).await, recording)
}

#[tokio::test]
async fn a_method_with_one_reply_is_unary() {
    let (mut client, recording) = client().await;
    assert_eq!(client.ask(item(1)).await.unwrap().number, 1);
    for (number, method) in [
        (2, "/recorder.Recorder/Record"),
        (3, "/recorder.Recorder/AskBeside"),
        (4, "/recorder.Recorder/AskAgain"),
    ] {
        let reply = client.unary(method, Request::new(item(number))).await.unwrap();
        assert_eq!(reply.number, number);
    }
    assert_eq!(recording.noted(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_one_way_method_answers_with_an_empty_message() {
    let (mut client, recording) = client().await;
    for (number, method) in [
        (1, "/recorder.Recorder/Tell"),
        (2, "/recorder.Recorder/Note"),
        (3, "/recorder.Recorder/Beat"),
    ] {
        let reply = client.unary(method, Request::new(item(number))).await.unwrap();
        assert_eq!(reply, Item::default());
    }
    assert_eq!(recording.noted(), [1, 2, 3]);
}

#[tokio::test]
async fn a_method_that_replies_often_is_server_streaming_until_nobody_listens() {
    let (mut client, recording) = client().await;
    let mut replies = client.watch(Request::new(item(7))).await.unwrap();
    for _ in 0..100 {
        assert_eq!(replies.message().await.unwrap().unwrap().number, 7);
    }
    assert_eq!(recording.watches(), (1, 0));
    drop(replies);
    eventually("the handler ends", || recording.watches() == (1, 1)).await;
}

/// Improves a few times, and ends or fails.
struct Few;

#[quorum_macros::service]
pub trait Counter {
    #[call(correctable)]
    fn count(&self, to: u64) -> impl Stream<Item = u64>;
}

impl Counter for Few {
    async fn count(
        &self,
        _: quorum_runtime::Call,
        to: u64,
        replies: quorum_runtime::Replier<u64>,
    ) -> Result<(), Status> {
        for number in 1..=to {
            replies.send(number).await?;
        }
        if to == 3 { Err(Status::aborted("three is enough")) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_stream_of_replies_ends_as_its_handler_does() {
    let port = serving(Server::builder().service(CounterServer::new(Few))).await;
    let Client(mut client) = Client::connect(port).await;
    let mut count = async |to: u64| {
        client.ready().await.unwrap();
        let path = PathAndQuery::from_static("/Counter/Count");
        let codec = ProstCodec::<u64, u64>::default();
        let replies = client.server_streaming(Request::new(to), path, codec).await.unwrap();
        replies.into_inner().collect::<Vec<_>>().await
    };
    let two: Vec<_> = count(2).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(two, [1, 2]);
    assert!(count(0).await.is_empty());
    let three = count(3).await;
    assert_eq!(three.len(), 4);
    let end = three[3].as_ref().unwrap_err();
    assert_eq!((end.code(), end.message()), (Code::Aborted, "three is enough"));
}

#[tokio::test]
async fn requests_hold_no_turn() {
    let (server, recording) = recording();
    let port = serving(server).await;
    let mut client = Client::connect(port).await;
    let mut other = client.clone();
    let waiting = tokio::spawn(async move { other.ask(text("wait")).await });
    assert_eq!(client.ask(item(2)).await.unwrap().number, 2);
    recording.open(1);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn headers_are_the_metadata_of_the_request() {
    let (mut client, _) = client().await;
    let mut request = Request::new(text("metadata"));
    request.metadata_mut().insert("key", "a value".parse().unwrap());
    let reply = client.unary("/recorder.Recorder/Ask", request).await.unwrap();
    assert_eq!(reply.text, "a value");
}

/// Fails with details.
struct Picky;

#[quorum_macros::service]
pub trait Refuser {
    async fn refuse(&self, request: u64) -> u64;
}

impl Refuser for Picky {
    async fn refuse(&self, _: quorum_runtime::Call, _: u64) -> Result<u64, Status> {
        let details = b"\x08\x09\x12\x02no\x1a\x06\x0a\x01u\x12\x01v";
        let (code, details) = (Code::FailedPrecondition, details.as_slice());
        Err(Status::with_details(code, "no", details.into()))
    }
}

#[tokio::test]
async fn an_error_keeps_its_code_message_and_details() {
    let (mut client, _) = client().await;
    let error = client.ask(text("fail")).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::NotFound, "no such item"));
    let error = client.ask(text("panic")).await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert_eq!(error.message(), "the handler panicked: told to");

    let port = serving(Server::builder().service(RefuserServer::new(Picky))).await;
    let Client(mut client) = Client::connect(port).await;
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/Refuser/Refuse");
    let codec = ProstCodec::<u64, u64>::default();
    let error = client.unary(Request::new(1), path, codec).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::FailedPrecondition, "no"));
    assert_eq!(error.details(), b"\x08\x09\x12\x02no\x1a\x06\x0a\x01u\x12\x01v");
}

/// A request whose client waits only this long, and leaves it to the server to notice.
fn hurried(item: Item, timeout: &'static str) -> Request<Item> {
    let mut request = Request::new(item);
    request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
    request
}

/// Sends a timeout to the server that the client itself does not keep.
async fn ask_within(port: u16, timeout: &'static str) -> Status {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let mut body = vec![0, 0, 0, 0, 6];
    body.extend(b"\x12\x04wait");
    let request = http::Request::post(format!("http://127.0.0.1:{port}/recorder.Recorder/Ask"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", timeout)
        .body(tonic::body::Body::new(http_body_util::Full::new(bytes::Bytes::from(body))))
        .unwrap();
    let response = tower::ServiceExt::oneshot(channel, request).await.unwrap();
    assert_eq!(response.status(), 200);
    let collected = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    let trailers = collected.trailers().expect("a status behind the replies").clone();
    Status::from_header_map(&trailers).unwrap()
}

#[tokio::test]
async fn a_deadline_is_kept_by_the_server() {
    let (server, recording) = recording();
    let port = serving(server).await;
    let status = tokio::time::timeout(PATIENCE, ask_within(port, "50m")).await.unwrap();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    let mut client = Client::connect(port).await;
    let error = client.unary("/recorder.Recorder/Ask", hurried(text("wait"), "50m")).await;
    assert!(error.is_err());
    let mut replies = client.watch(hurried(text("slowly"), "100m")).await.unwrap();
    let _first = replies.message().await;
    eventually("the handler ends", || recording.watches().1 == 1).await;
    recording.open(2);
    assert!(recording.noted().is_empty(), "the handlers are gone");
}

#[tokio::test]
async fn a_handler_sees_the_deadline() {
    let (mut client, _recording) = client().await;
    let asked = hurried(text("deadline"), "10S");
    let left = client.unary("/recorder.Recorder/Ask", asked).await.unwrap().number;
    assert!((1..=10_000).contains(&left), "{left} ms");
}

#[tokio::test]
async fn what_is_no_method_is_not_implemented() {
    let (mut client, recording) = client().await;
    for path in [
        "/recorder.Recorder/Nothing",
        "/recorder.Absent/Call",
        "/recorder/Recorder/Ask",
        "/recorder.Recorder.Ask",
        "/recorder/Recorder.Ask",
        "/",
    ] {
        let error = client.unary(path, Request::new(item(1))).await.unwrap_err();
        assert_eq!(error.code(), Code::Unimplemented, "{path}: {error}");
        assert_eq!(error.message(), format!("there is no method {path} here"));
    }
    assert!(recording.noted().is_empty());
}

#[tokio::test]
async fn messages_over_the_limit_are_refused_both_ways() {
    let (mut client, recording) = client().await;
    let error = client.ask(text(&"x".repeat(5 << 20))).await.unwrap_err();
    assert_eq!(error.code(), Code::OutOfRange, "{error}");
    let error = client.ask(text("large")).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    assert!(error.message().contains("is over the limit of 4194304"), "{error}");
    assert_eq!(recording.noted(), [0], "the second was handled");
}

#[tokio::test]
async fn a_request_that_is_no_message_is_refused() {
    let (mut client, _) = client().await;
    client.0.ready().await.unwrap();
    let path = PathAndQuery::from_static("/recorder.Recorder/Ask");
    // A string where the number is.
    let codec = ProstCodec::<Strange, Item>::default();
    let strange = Strange { text: "text".to_owned() };
    let error = client.0.unary(Request::new(strange), path, codec).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
}

#[derive(Clone, PartialEq, prost::Message)]
struct Strange {
    #[prost(string, tag = "1")]
    text: String,
}

#[tokio::test]
async fn a_server_that_stops_finishes_what_it_began() {
    let mut server = TestServer::start().await;
    let port = server.address().rsplit_once(':').unwrap().1.parse().unwrap();
    let mut client = Client::connect(port).await;
    let mut other = client.clone();
    let asking = tokio::spawn(async move { other.ask(text("wait")).await });
    tokio::task::yield_now().await;
    client.ask(item(1)).await.unwrap(); // behind the other, on one connection
    let recording = server.recording().clone();
    let opening = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {}
        assert_eq!(recording.noted(), [1]);
        recording.open(1);
    };
    tokio::join!(server.stop(), opening);
    asking.await.unwrap().unwrap();
}
