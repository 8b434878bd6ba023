//! Tower layers, at a server and at a client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::uri::PathAndQuery;
use quorum_runtime::{Call, Code, NodeError, Replier, Request, Requests, Server, Status};
use quorum_tests::item;
use quorum_tests::recorder::{Item, RecorderNode as _};
use tonic::client::Grpc;
use tonic::service::InterceptorLayer;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;
use tower::layer::layer_fn;
use tower::util::MapRequest;

use super::{builder, recording, serving};

/// A layer that counts requests.
macro_rules! counting {
    ($count:expr) => {{
        let count = Arc::clone(&$count);
        layer_fn(move |inner| {
            let count = Arc::clone(&count);
            let counted = move |request: http::Request<quorum_runtime::transport::Body>| {
                count.fetch_add(1, Ordering::Relaxed);
                request
            };
            MapRequest::new(inner, counted)
        })
    }};
}

#[tokio::test]
async fn layers_are_around_all_that_is_served_and_around_all_connections() {
    let (at_server, at_client) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = || (at_server.load(Ordering::Relaxed), at_client.load(Ordering::Relaxed));
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let server = recording().0.add_service(health).layer(counting!(at_server));
    let port = serving(server).await;
    let manager = builder(port).layer(counting!(at_client)).build().unwrap();
    let node = manager.node(1).unwrap();
    for number in 0..10 {
        node.ask(item(number)).await.unwrap();
    }
    assert_eq!(counts(), (1, 1), "all calls are one stream");
    let mut session = node.chat();
    session.send(item(1)).await.unwrap();
    session.next().await.unwrap().unwrap();
    assert_eq!(counts(), (2, 2));

    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let mut plain = Grpc::new(channel.clone());
    plain.ready().await.unwrap();
    let path = PathAndQuery::from_static("/recorder.Recorder/Ask");
    let codec = ProstCodec::<Item, Item>::default();
    plain.unary(Request::new(item(1)), path, codec).await.unwrap();
    assert_eq!(counts(), (3, 2));
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
    assert_eq!(counts(), (4, 2));
}

/// Tells what its client's headers say.
struct Reader;

#[quorum_macros::service]
pub trait Headers {
    fn read(&self, requests: impl Stream<Item = ()>) -> impl Stream<Item = String>;
}

impl Headers for Reader {
    async fn read(
        &self,
        call: Call,
        _: Requests<()>,
        replies: Replier<String>,
    ) -> Result<(), Status> {
        let values = call.metadata().get_all("path").iter();
        let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
        replies.send(values.join(" ")).await
    }
}

/// A layer that appends a header.
fn signing(name: &'static str) -> InterceptorLayer<impl tonic::service::Interceptor + Clone> {
    InterceptorLayer::new(move |mut request: Request<()>| {
        request.metadata_mut().append("path", name.parse().unwrap());
        Ok(request)
    })
}

#[tokio::test]
async fn requests_pass_the_first_layer_first_on_both_sides() {
    let server = Server::builder().service(HeadersServer::new(Reader));
    let port = serving(server.layer(signing("three")).layer(signing("four"))).await;
    let manager = builder(port).layer(signing("one")).layer(signing("two")).build().unwrap();
    let mut session = manager.node(1).unwrap().read();
    assert_eq!(session.next().await.unwrap().unwrap(), "one two three four");
}

#[tokio::test]
async fn a_layer_of_the_server_can_refuse() {
    let guard = InterceptorLayer::new(|request: Request<()>| {
        match request.metadata().contains_key("password") {
            true => Ok(request),
            false => Err(Status::unauthenticated("the password, please")),
        }
    });
    let (server, recording) = recording();
    let port = serving(server.layer(guard)).await;
    let manager = builder(port).build().unwrap();
    let node = manager.node(1).unwrap();
    let error = node.ask(item(1)).await.unwrap_err();
    assert!(error.to_string().ends_with("the password, please (Unauthenticated)"), "{error}");
    let error = node.chat().next().await.unwrap().unwrap_err();
    assert_eq!(error.failure().error.code(), Code::Unauthenticated);
    assert!(recording.noted().is_empty());

    let password = InterceptorLayer::new(|mut request: Request<()>| {
        request.metadata_mut().insert("password", "sesame".parse().unwrap());
        Ok(request)
    });
    let manager = builder(port).layer(password).build().unwrap();
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
}

#[tokio::test]
async fn a_layer_of_the_client_can_refuse() {
    let refusing = InterceptorLayer::new(|_| Err(Status::unavailable("not today")));
    let port = serving(recording().0).await;
    let manager = builder(port).layer(refusing).build().unwrap();
    let error = manager.node(1).unwrap().ask(item(1)).await.unwrap_err();
    assert!(error.to_string().ends_with("not today (Unavailable)"), "{error}");
    assert!(
        matches!(error.failure().error, NodeError::Unreachable(_) | NodeError::Disconnected(_)),
        "{error:?}"
    );
}
