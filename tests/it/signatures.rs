//! Requests and replies that are signed and verified by interceptors, as Byzantine storage needs it.

use hmac::{Hmac, Mac as _};
use quorum_runtime::metadata::{MetadataMap, MetadataValue};
use quorum_runtime::{
    ClientInterceptor, IncomingReply, IncomingRequest, Majority, Manager, Next, NodeError,
    OutgoingReply, OutgoingRequest, QuorumErrorKind, Server, ServerInterceptor, Status,
};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderServer};
use quorum_tests::{PATIENCE, Recording, item};
use sha2::Sha256;
use tokio::net::TcpListener;

/// The key that a client shares with one node.
#[derive(Clone, Copy)]
struct Key(u32);

impl Key {
    fn mac(self, method: &str, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0.to_be_bytes()).unwrap();
        mac.update(method.as_bytes());
        mac.update(payload);
        mac
    }

    fn sign(self, method: &str, payload: &[u8], metadata: &mut MetadataMap) {
        let signature = self.mac(method, payload).finalize().into_bytes();
        metadata.insert_bin("signature-bin", MetadataValue::from_bytes(&signature));
    }

    fn verify(self, method: &str, payload: &[u8], metadata: &MetadataMap) -> Result<(), Status> {
        let signature = metadata.get_bin("signature-bin").and_then(|value| value.to_bytes().ok());
        let signature = signature.ok_or_else(|| Status::unauthenticated("not signed"))?;
        let verified = self.mac(method, payload).verify_slice(&signature);
        verified.map_err(|_| Status::unauthenticated("the signature is wrong"))
    }
}

/// The client's side: node n has key n.
struct Signed;

impl ClientInterceptor for Signed {
    fn request(&self, request: &mut OutgoingRequest<'_>) -> Result<(), Status> {
        let (key, payload) = (Key(request.node().id().get()), request.payload().clone());
        key.sign(request.method(), &payload, request.metadata_mut());
        Ok(())
    }

    fn reply(&self, reply: &mut IncomingReply<'_>) -> Result<(), Status> {
        Key(reply.node().id().get()).verify(reply.method(), reply.payload(), reply.metadata())
    }
}

/// A node's side.
struct Signing {
    key: Key,
    /// Signs by another key.
    forges: bool,
}

impl ServerInterceptor for Signing {
    async fn handle(
        &self,
        request: IncomingRequest,
        next: Next<'_>,
    ) -> Result<OutgoingReply, Status> {
        let method = request.method();
        self.key.verify(method, request.payload(), request.metadata())?;
        let mut reply = next.run(request).await?;
        let key = if self.forges { Key(99) } else { self.key };
        let payload = reply.payload().clone();
        key.sign(method, &payload, reply.metadata_mut());
        Ok(reply)
    }
}

/// Three nodes, of which these forge.
async fn cluster(forging: &[u32]) -> Manager {
    let mut addresses = Vec::new();
    for id in 1..=3 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap().to_string());
        let server = Server::builder().service(RecorderServer::new(Recording::default()));
        let server = server.intercept(Signing { key: Key(id), forges: forging.contains(&id) });
        tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    }
    Manager::builder().nodes(addresses).timeout(PATIENCE).build().unwrap()
}

#[tokio::test]
async fn signed_replies_are_counted_and_a_forged_one_is_not() {
    let manager = cluster(&[2]).await;
    let recorder = manager.recorder(Majority).unwrap().intercept(Signed);
    for number in 0..20 {
        assert_eq!(recorder.record(item(number)).await.unwrap().number, number);
    }
    let error = recorder.record(item(1)).all().await.unwrap_err();
    assert_eq!(error.failures()[0].node.get(), 2);
    assert!(matches!(error.failures()[0].error, NodeError::ReplyRejected(_)));
    let says = "its reply was rejected: the signature is wrong (Unauthenticated)";
    assert!(error.to_string().contains(says), "{error}");
}

#[tokio::test]
async fn two_forgers_of_three_leave_no_quorum_and_are_named() {
    let manager = cluster(&[1, 3]).await;
    let recorder = manager.recorder(Majority).unwrap().intercept(Signed);
    let error = recorder.record(item(1)).await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::NoQuorum);
    let named: Vec<_> = error.failures().iter().map(|failure| failure.node.get()).collect();
    assert_eq!(named, [1, 3]);
}

#[tokio::test]
async fn a_request_without_a_signature_or_with_that_for_another_node_is_refused() {
    let manager = cluster(&[]).await;
    let recorder = manager.recorder(Majority).unwrap();
    let error = recorder.record(item(1)).all().await.unwrap_err();
    assert!(error.to_string().contains("not signed (Unauthenticated)"), "{error}");
    let mistaken = recorder.intercept(|request: &mut OutgoingRequest<'_>| {
        let payload = request.payload().clone();
        Key(1).sign(request.method(), &payload, request.metadata_mut());
        Ok(())
    });
    let error = mistaken.record(item(1)).await.unwrap_err();
    assert!(error.to_string().contains("the signature is wrong (Unauthenticated)"), "{error}");
}
