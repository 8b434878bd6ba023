//! Ids that clients claim, and certificates.

use futures::stream;
use http::uri::PathAndQuery;
use quorum_runtime::transport::{ClientTlsConfig, Identity, ServerTlsConfig};
use quorum_runtime::{Code, Server, Status};
use quorum_tests::item;
use quorum_tests::recorder::Item;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::{Authority, recording, serving};

/// A server that asks clients for their names, and may serve those without a certificate.
async fn guarded(authority: &Authority, optional: bool) -> u16 {
    let tls = ServerTlsConfig::new()
        .identity(authority.identity(&["localhost"]))
        .client_ca_root(authority.certificate())
        .client_auth_optional(optional);
    let (server, _) = recording();
    serving(server.tls_config(tls).node_names(|id| format!("node-{id}.cluster.test"))).await
}

async fn connect(authority: &Authority, port: u16, identity: Option<Identity>) -> Channel {
    let mut tls = ClientTlsConfig::new().ca_certificate(authority.certificate());
    if let Some(identity) = identity {
        tls = tls.identity(identity);
    }
    let endpoint = Endpoint::from_shared(format!("https://localhost:{port}")).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await.unwrap()
}

/// What comes of opening the ordered stream as the node with this id.
async fn open(channel: &Channel, id: Option<&'static str>) -> Result<(), Status> {
    opened(channel, id, "/stream.Gorums/NodeStream").await
}

async fn opened(
    channel: &Channel,
    id: Option<&'static str>,
    path: &'static str,
) -> Result<(), Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(stream::iter([item(1)]));
    if let Some(id) = id {
        request.metadata_mut().insert("gorums-node-id", id.parse().unwrap());
    }
    let path = PathAndQuery::from_static(path);
    client.streaming(request, path, ProstCodec::<Item, Item>::default()).await.map(drop)
}

#[tokio::test]
async fn an_id_needs_a_certificate_for_the_name_of_its_node() {
    let authority = Authority::new("CA");
    let port = guarded(&authority, false).await;
    let seven = authority.identity(&["node-7.cluster.test", "other.name"]);
    let channel = connect(&authority, port, Some(seven)).await;
    open(&channel, Some("7")).await.unwrap();
    for path in ["/stream.Gorums/NodeStream", "/recorder.Recorder/Ask", "/recorder.Recorder/Chat"] {
        let refused = opened(&channel, Some("8"), path).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{path}: {refused}");
        assert_eq!(
            refused.message(),
            "the certificate of who claims to be node 8 is not valid for `node-8.cluster.test`"
        );
    }
}

#[tokio::test]
async fn who_claims_nothing_needs_no_name() {
    let authority = Authority::new("CA");
    let port = guarded(&authority, false).await;
    let channel = connect(&authority, port, Some(authority.identity(&["someone"]))).await;
    for id in [None, Some("0"), Some("seven")] {
        open(&channel, id).await.unwrap();
    }
}

#[tokio::test]
async fn an_id_without_a_certificate_is_refused() {
    let authority = Authority::new("CA");
    let port = guarded(&authority, true).await;
    let channel = connect(&authority, port, None).await;
    open(&channel, None).await.unwrap();
    let refused = open(&channel, Some("7")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    assert_eq!(
        refused.message(),
        "who claims to be node 7 must present a certificate that is valid for `node-7.cluster.test`"
    );
}

#[tokio::test]
async fn a_wildcard_is_valid_for_every_node() {
    let authority = Authority::new("CA");
    let port = guarded(&authority, false).await;
    let channel = connect(&authority, port, Some(authority.identity(&["*.cluster.test"]))).await;
    open(&channel, Some("7")).await.unwrap();
    open(&channel, Some("8")).await.unwrap();
}

#[tokio::test]
async fn names_that_are_none_let_nobody_in() {
    let authority = Authority::new("CA");
    let tls = ServerTlsConfig::new()
        .identity(authority.identity(&["localhost"]))
        .client_ca_root(authority.certificate());
    let server: Server = recording().0.tls_config(tls);
    let port = serving(server.node_names(|_| "no name".to_owned())).await;
    let channel = connect(&authority, port, Some(authority.identity(&["someone"]))).await;
    let refused = open(&channel, Some("7")).await.unwrap_err();
    assert_eq!(refused.message(), "`no name`, the name of node 7, is no DNS name");
}

#[tokio::test]
async fn without_tls_every_claim_is_refused_where_names_are_asked_for() {
    let port = serving(recording().0.node_names(|id| format!("node-{id}"))).await;
    let endpoint = Endpoint::from_shared(format!("http://localhost:{port}")).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let refused = open(&channel, Some("7")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    open(&channel, Some("0")).await.unwrap();
}
