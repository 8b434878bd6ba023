//! What is around and beside the ordered stream: TLS, limits, layers, plain gRPC.

mod claims;
mod layers;
mod limits;
mod plain_grpc;
mod services;
mod tls;

use std::time::Duration;

use quorum_runtime::transport::{Certificate, Identity};
use quorum_runtime::{Manager, ManagerBuilder, Server};
use quorum_tests::recorder::RecorderServer;
use quorum_tests::{PATIENCE, Recording};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::TcpListener;

/// A server with a recorder, and what it records.
fn recording() -> (Server, Recording) {
    let recording = Recording::default();
    (Server::builder().service(RecorderServer::new(recording.clone())), recording)
}

/// Serves on a free port, for as long as the test runs. Gives the port.
async fn serving(server: Server) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        server.serve_with_listener(listener, std::future::pending()).await.unwrap();
    });
    port
}

/// A builder for a manager of one node, at `localhost`, that gives up in good time.
fn builder(port: u16) -> ManagerBuilder {
    Manager::builder()
        .nodes([format!("localhost:{port}")])
        .timeout(PATIENCE)
        .reconnect_wait(Duration::from_millis(10), Duration::from_millis(100))
}

/// An authority that signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn certificate(&self) -> Certificate {
        Certificate::from_pem(&self.pem)
    }

    /// A certificate that is valid for these names, and its key.
    fn identity(&self, names: &[&str]) -> Identity {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        self.sign(CertificateParams::new(names).unwrap())
    }

    fn sign(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity::from_pem(certificate.pem(), key.serialize_pem())
    }
}
