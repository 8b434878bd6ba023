//! TLS and mutual TLS, and what is said where the two sides do not fit.

use std::time::Duration;

use quorum_runtime::transport::{ClientTlsConfig, ServerTlsConfig};
use quorum_runtime::{BuildError, Call, Manager, NodeError, Server, Status};
use quorum_tests::recorder::{RecorderNode as _, RecorderServer};
use quorum_tests::{PATIENCE, Recording, item};
use rcgen::CertificateParams;
use tokio::net::TcpListener;

use super::{Authority, builder, recording, serving};

/// A server of localhost by TLS.
fn secured(authority: &Authority) -> (Server, ServerTlsConfig) {
    let identity = authority.identity(&["localhost"]);
    (recording().0, ServerTlsConfig::new().identity(identity))
}

/// What a client says whose only node can't be called.
async fn refusal(manager: &Manager) -> String {
    let error = manager.node(1).unwrap().ask(item(1)).await.unwrap_err();
    match &error.failure().error {
        // With TLS 1.3 a client is connected before the server has seen its certificate.
        NodeError::Unreachable(cause) | NodeError::Disconnected(cause) => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn calls_and_sessions_go_by_tls() {
    let authority = Authority::new("CA");
    let (server, tls) = secured(&authority);
    let port = serving(server.tls_config(tls)).await;
    let tls = ClientTlsConfig::new().ca_certificate(authority.certificate());
    let manager = builder(port).tls_config(tls).build().unwrap();
    let node = manager.node(1).unwrap();
    assert_eq!(node.ask(item(7)).await.unwrap().number, 7);
    let mut session = node.chat();
    session.send(item(8)).await.unwrap();
    assert_eq!(session.next().await.unwrap().unwrap().number, 8);
}

#[tokio::test]
async fn a_node_of_another_authority_is_not_called() {
    let (server, tls) = secured(&Authority::new("CA"));
    let port = serving(server.tls_config(tls)).await;
    let tls = ClientTlsConfig::new().ca_certificate(Authority::new("other").certificate());
    let manager = builder(port).tls_config(tls).build().unwrap();
    assert_eq!(
        refusal(&manager).await,
        "the node's certificate is of an authority that is not trusted here: add \
         it with `ClientTlsConfig::ca_certificate`"
    );
    let error = manager.node(1).unwrap().chat().next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("is not trusted here"), "{error}");
}

#[tokio::test]
async fn a_node_with_a_certificate_for_another_name_is_not_called() {
    let authority = Authority::new("CA");
    let (server, tls) = secured(&authority);
    let port = serving(server.tls_config(tls)).await;
    let tls = ClientTlsConfig::new().ca_certificate(authority.certificate());
    let manager = builder(port).tls_config(tls.clone().domain_name("elsewhere")).build().unwrap();
    assert_eq!(
        refusal(&manager).await,
        "the node's certificate is for another name: make it valid for the host \
         of the node's address, or say its name with `ClientTlsConfig::domain_name`"
    );
    let manager = Manager::builder().nodes([format!("127.0.0.1:{port}")]);
    let manager = manager.tls_config(tls.domain_name("localhost")).build().unwrap();
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
}

#[tokio::test]
async fn a_client_without_tls_and_a_server_with_it_do_not_hang() {
    let (server, tls) = secured(&Authority::new("CA"));
    let port = serving(server.tls_config(tls)).await;
    let refusal = refusal(&builder(port).build().unwrap()).await;
    // Whichever comes first: that the node hangs up, or what it says by TLS before it does.
    let known = ["broken pipe", "connection reset", "frame with invalid size"];
    assert!(known.contains(&&*refusal), "{refusal}");
}

#[tokio::test]
async fn a_client_with_tls_and_a_server_without_it_do_not_hang() {
    let port = serving(recording().0).await;
    let tls = ClientTlsConfig::new().ca_certificate(Authority::new("CA").certificate());
    assert_eq!(
        refusal(&builder(port).tls_config(tls).build().unwrap()).await,
        "the node does not speak TLS: give it a `tls_config`, or connect without \
         one"
    );
}

#[tokio::test]
async fn a_node_with_a_certificate_of_the_past_is_not_called() {
    let authority = Authority::new("CA");
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2000, 1, 1);
    let tls = ServerTlsConfig::new().identity(authority.sign(params));
    let port = serving(recording().0.tls_config(tls)).await;
    let tls = ClientTlsConfig::new().ca_certificate(authority.certificate());
    let manager = builder(port).tls_config(tls).build().unwrap();
    assert_eq!(refusal(&manager).await, "the node's certificate has expired: renew it");
}

#[tokio::test]
async fn a_node_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port(); // accepted by the system, and by nobody else
    let tls = ClientTlsConfig::new().ca_certificate(Authority::new("CA").certificate());
    let manager = builder(port).tls_config(tls).connect_timeout(Duration::from_millis(50));
    assert_eq!(refusal(&manager.build().unwrap()).await, "timed out");
}

/// Tells who calls.
struct Who;

#[quorum_macros::service]
pub trait Teller {
    async fn certificates(&self, request: ()) -> u32;
}

impl Teller for Who {
    async fn certificates(&self, call: Call, (): ()) -> Result<u32, Status> {
        Ok(u32::try_from(call.peer().certificates().len()).unwrap())
    }
}

#[tokio::test]
async fn mutual_tls_serves_those_with_a_certificate_of_its_authority() {
    let (authority, clients) = (Authority::new("CA"), Authority::new("CA of clients"));
    let (server, tls) = secured(&authority);
    let tls = tls.client_ca_root(clients.certificate());
    let port = serving(server.service(TellerServer::new(Who)).tls_config(tls)).await;
    let tls = ClientTlsConfig::new().ca_certificate(authority.certificate());

    let identified = tls.clone().identity(clients.identity(&["me"]));
    let manager = builder(port).tls_config(identified).build().unwrap();
    assert_eq!(manager.node(1).unwrap().certificates(()).await.unwrap(), 1);

    let anonymous = builder(port).tls_config(tls.clone()).build().unwrap();
    assert_eq!(
        refusal(&anonymous).await,
        "the node serves only clients with a certificate: add one with \
         `ClientTlsConfig::identity`"
    );
    let stranger = tls.identity(Authority::new("other").identity(&["me"]));
    let stranger = builder(port).tls_config(stranger).build().unwrap();
    assert_eq!(
        refusal(&stranger).await,
        "the node does not accept this client's certificate: use a valid one of \
         its authority"
    );
}

#[tokio::test]
async fn handlers_of_clients_without_a_certificate_see_none() {
    let authority = Authority::new("CA");
    let (server, tls) = secured(&authority);
    let optional = tls.client_ca_root(authority.certificate()).client_auth_optional(true);
    let port = serving(server.service(TellerServer::new(Who)).tls_config(optional)).await;
    let tls = ClientTlsConfig::new().ca_certificate(authority.certificate());
    let manager = builder(port).tls_config(tls).build().unwrap();
    assert_eq!(manager.node(1).unwrap().certificates(()).await.unwrap(), 0);
    let port = serving(Server::builder().service(TellerServer::new(Who))).await;
    let manager = builder(port).build().unwrap();
    assert_eq!(manager.node(1).unwrap().certificates(()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_server_whose_configuration_lacks_something_says_what() {
    let serve = async |tls: ServerTlsConfig| {
        let server = Server::builder().service(RecorderServer::new(Recording::default()));
        let serving = server.tls_config(tls);
        let serving = tokio::time::timeout(PATIENCE, serving.serve("127.0.0.1:0"));
        serving.await.expect("it does not serve").unwrap_err().to_string()
    };
    assert_eq!(
        serve(ServerTlsConfig::new()).await,
        "the `tls_config` can't be used: it has no identity: add one with `identity`"
    );
    let keyless = quorum_runtime::transport::Identity::from_pem("", "");
    assert_eq!(
        serve(ServerTlsConfig::new().identity(keyless)).await,
        "the `tls_config` can't be used: Error parsing TLS private key - no RSA or PKCS8-encoded \
         keys found."
    );
}

#[tokio::test]
async fn a_manager_whose_configuration_lacks_something_says_what() {
    let build = |address: &str, tls| {
        Manager::builder().nodes([address]).tls_config(tls).build().unwrap_err()
    };
    let error = build("a..b:1", ClientTlsConfig::new());
    assert!(matches!(error, BuildError::TlsName { .. }));
    assert_eq!(
        error.to_string(),
        "`a..b:1` has no name that a certificate could be valid for: give the name of the nodes \
         with `ClientTlsConfig::domain_name`"
    );
    let keyless = quorum_runtime::transport::Identity::from_pem("", "");
    let error = build("localhost:1", ClientTlsConfig::new().identity(keyless));
    assert!(matches!(error, BuildError::Tls { .. }));
    assert_eq!(
        error.to_string(),
        "the `tls_config` can't be used: Error parsing TLS private key - no RSA or PKCS8-encoded \
         keys found."
    );
}

#[tokio::test]
async fn a_key_is_not_in_what_debug_prints() {
    let identity = Authority::new("CA").identity(&["me"]);
    let builder = builder(1).tls_config(ClientTlsConfig::new().identity(identity));
    let printed = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(!printed.contains("PRIVATE") && !printed.contains("key"), "{printed}");
}
