//! Services of tonic's on the same port: health, reflection, and names that clash.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use futures::{StreamExt as _, stream};
use http::{Request, Response};
use protox::prost_reflect::DescriptorPool;
use quorum_runtime::transport::{Body, ClientTlsConfig, NamedService, ServerTlsConfig};
use quorum_runtime::{Code, ServeError, Server};
use quorum_tests::recorder::RecorderNode as _;
use quorum_tests::{DESCRIPTORS, PATIENCE, item};
use tonic::transport::{Channel, Endpoint};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::{Authority, builder, recording, serving};

async fn connect(port: u16) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
    endpoint.connect().await.unwrap()
}

fn question(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn health_is_answered_beside_our_calls() {
    let (reporter, health) = tonic_health::server::health_reporter();
    let name = "recorder.Recorder";
    reporter.set_service_status(name, ServingStatus::NotServing).await;
    let port = serving(recording().0.add_service(health)).await;
    let mut health = HealthClient::new(connect(port).await);
    let answer = health.check(question(name)).await.unwrap().into_inner();
    assert_eq!(answer.status, ServingStatus::NotServing as i32);
    reporter.set_service_status(name, ServingStatus::Serving).await;
    let answer = health.check(question(name)).await.unwrap().into_inner();
    assert_eq!(answer.status, ServingStatus::Serving as i32);
    assert_eq!(health.check(question("other")).await.unwrap_err().code(), Code::NotFound);
    let manager = builder(port).build().unwrap();
    assert_eq!(manager.node(1).unwrap().ask(item(7)).await.unwrap().number, 7);
}

#[tokio::test]
async fn all_stand_on_one_port_by_tls_too() {
    let authority = Authority::new("CA");
    let (_reporter, health) = tonic_health::server::health_reporter();
    let tls = ServerTlsConfig::new().identity(authority.identity(&["localhost"]));
    let port = serving(recording().0.add_service(health).tls_config(tls)).await;
    let tls = ClientTlsConfig::new().ca_certificate(authority.certificate());
    let endpoint = Endpoint::from_shared(format!("https://localhost:{port}")).unwrap();
    let channel = endpoint.tls_config(tls.clone()).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel);
    let answer = health.check(question("")).await.unwrap().into_inner();
    assert_eq!(answer.status, ServingStatus::Serving as i32);
    let manager = builder(port).tls_config(tls).build().unwrap();
    assert_eq!(manager.node(1).unwrap().ask(item(7)).await.unwrap().number, 7);
}

#[tokio::test]
async fn reflection_knows_our_services_and_the_files_of_their_options() {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .build_v1()
        .unwrap();
    let port = serving(recording().0.add_service(reflection)).await;
    let mut client = ServerReflectionClient::new(connect(port).await);
    let mut ask = async |question: MessageRequest| {
        let request =
            ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let mut answers = client
            .server_reflection_info(stream::iter([request]).chain(stream::pending()))
            .await
            .unwrap()
            .into_inner();
        answers.message().await.unwrap().unwrap().message_response.unwrap()
    };
    let MessageResponse::ListServicesResponse(list) =
        ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list");
    };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"recorder.Recorder".to_owned()), "{names:?}");
    assert!(names.contains(&"calls.QuorumcallPerNode".to_owned()), "{names:?}");

    for file in ["recorder.proto", "quorum.proto"] {
        let found = ask(MessageRequest::FileByFilename(file.to_owned())).await;
        let MessageResponse::FileDescriptorResponse(found) = found else {
            panic!("{file}: {found:?}");
        };
        let is_there =
            |bytes: &Vec<u8>| bytes.windows(file.len()).any(|part| part == file.as_bytes());
        assert!(found.file_descriptor_proto.iter().any(is_there));
    }
}

#[test]
fn descriptors_keep_the_options_of_methods() {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let service = pool.get_service_by_name("recorder.Recorder").unwrap();
    let record = service.methods().find(|method| method.name() == "Record").unwrap();
    let option = pool.get_extension_by_name("quorum.quorumcall").unwrap();
    assert_eq!(record.options().get_extension(&option).as_bool(), Some(true));
}

/// Answers everything with nothing.
#[derive(Clone)]
struct Silent<const STREAM: bool>;

impl NamedService for Silent<true> {
    const NAME: &'static str = "stream.Gorums";
}

impl NamedService for Silent<false> {
    const NAME: &'static str = "recorder.Recorder";
}

impl<const STREAM: bool> tower::Service<Request<Body>> for Silent<STREAM> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(Response::new(Body::empty())))
    }
}

async fn refused(server: Server) -> String {
    let serving = tokio::time::timeout(PATIENCE, server.serve("127.0.0.1:0"));
    let error = serving.await.expect("it does not serve").unwrap_err();
    assert!(matches!(error, ServeError::ServiceTwice(_)), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn a_name_that_two_services_have_is_an_error() {
    let (_reporter, health) = tonic_health::server::health_reporter();
    let twice = recording().0.add_service(health.clone()).add_service(health);
    assert_eq!(
        refused(twice).await,
        "service `grpc.health.v1.Health` was added twice: add each service once"
    );
    let ours = recording().0.add_service(Silent::<false>);
    assert_eq!(
        refused(ours).await,
        "service `recorder.Recorder` was added twice: add each service once"
    );
    let stream = Server::builder().add_service(Silent::<true>);
    assert_eq!(
        refused(stream).await,
        "service `stream.Gorums` was added twice: add each service once"
    );
    // Alone it stands in nobody's way.
    serving(Server::builder().add_service(Silent::<false>)).await;
}
