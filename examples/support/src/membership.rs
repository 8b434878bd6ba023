//! Who talks to whom: each request says for which node of which cluster it is, and each reply of which it
//! is. What is for another one is refused, at both ends.

use quorum_runtime::metadata::{BinaryMetadataValue, MetadataMap, MetadataValue};
use quorum_runtime::{
    ClientInterceptor, IncomingReply, IncomingRequest, Next, OutgoingReply, OutgoingRequest,
    ServerInterceptor, Status,
};

use crate::identity::Identity;

/// The metadata that says it. A name may have any letters, so it is sent as bytes.
const KEY: &str = "membership-bin";

/// The client's side: what is sent is for the nodes of this cluster.
#[derive(Clone, Debug)]
pub struct Caller {
    protocol: &'static str,
    cluster: String,
}

impl Caller {
    /// One who speaks this version of a protocol, such as `storage/1`, with a cluster.
    pub fn new(protocol: &'static str, cluster: impl Into<String>) -> Self {
        Self { protocol, cluster: cluster.into() }
    }
}

/// The server's side: this node.
#[derive(Clone, Debug)]
pub struct Member {
    name: String,
}

impl Member {
    /// A node that speaks this version of a protocol.
    #[must_use]
    pub fn new(protocol: &str, identity: &Identity) -> Self {
        Self { name: name(protocol, &identity.cluster, identity.node) }
    }
}

impl ClientInterceptor for Caller {
    fn request(&self, request: &mut OutgoingRequest<'_>) -> Result<(), Status> {
        let wanted = name(self.protocol, &self.cluster, request.node().id().get());
        request.metadata_mut().insert_bin(KEY, value(&wanted));
        Ok(())
    }

    fn reply(&self, reply: &mut IncomingReply<'_>) -> Result<(), Status> {
        let wanted = name(self.protocol, &self.cluster, reply.node().id().get());
        check(reply.metadata(), &wanted, "the reply is of", "the call was for")
    }
}

impl ServerInterceptor for Member {
    async fn handle(
        &self,
        request: IncomingRequest,
        next: Next<'_>,
    ) -> Result<OutgoingReply, Status> {
        check(request.metadata(), &self.name, "the call is for", "this is")?;
        let mut reply = next.run(request).await?;
        reply.metadata_mut().insert_bin(KEY, value(&self.name));
        Ok(reply)
    }
}

fn name(protocol: &str, cluster: &str, node: u32) -> String {
    format!("node {node} of the cluster `{cluster}`, {protocol}")
}

fn value(name: &str) -> BinaryMetadataValue {
    MetadataValue::from_bytes(name.as_bytes())
}

fn check(metadata: &MetadataMap, wanted: &str, found: &str, here: &str) -> Result<(), Status> {
    let said = metadata.get_bin(KEY).and_then(|value| value.to_bytes().ok());
    let said = said.as_deref().map_or("nobody in particular".into(), String::from_utf8_lossy);
    if said == wanted {
        return Ok(());
    }
    Err(Status::failed_precondition(format!(
        "{found} {said}, and {here} {wanted}: check the addresses, the name of the cluster and the \
         versions of the programs"
    )))
}
