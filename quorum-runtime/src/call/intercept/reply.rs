use std::fmt;

use bytes::Bytes;
use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::call::{Method, Replied};
use crate::node::Node;
use crate::wire;

/// The reply of one node, as a [`ClientInterceptor`](crate::ClientInterceptor) sees it.
///
/// ```
/// use quorum_runtime::{ClientInterceptor, IncomingReply, Majority, Manager, Status};
///
/// struct Trusting(u64);
///
/// impl ClientInterceptor for Trusting {
///     fn reply(&self, reply: &mut IncomingReply<'_>) -> Result<(), Status> {
///         if reply.method() == "example.Register.Read" && reply.message::<State>()?.version > self.0 {
///             return Err(Status::out_of_range("nobody has written that version"));
///         }
///         Ok(())
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(3).await).build()?;
/// manager.node(2)?.write(State::new(99, "mine")).await?;
/// let register = manager.register(Majority)?.intercept(Trusting(7));
/// register.read(()).majority().await?; // of nodes 1 and 3
/// let error = register.read(()).all().await.unwrap_err();
/// assert_eq!(error.failures()[0].node.get(), 2);
/// # Ok(())
/// # }
/// ```
pub struct IncomingReply<'a> {
    node: &'a Node,
    method: Method,
    metadata: MetadataMap,
    payload: Bytes,
}

impl<'a> IncomingReply<'a> {
    pub(super) fn new(node: &'a Node, method: Method, replied: Replied) -> Self {
        let Replied { payload, entries } = replied;
        Self { node, method, metadata: wire::metadata_of(entries), payload }
    }

    pub(super) fn finish(self) -> Replied {
        Replied { payload: self.payload, entries: wire::entries_of(&self.metadata) }
    }

    /// The node that it is from.
    #[must_use]
    pub const fn node(&self) -> &Node {
        self.node
    }

    /// The full name of the method, as `package.Service.Method`.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method.name
    }

    /// The metadata that the node sent with the reply.
    #[must_use]
    pub const fn metadata(&self) -> &MetadataMap {
        &self.metadata
    }

    /// The metadata, to be changed.
    pub const fn metadata_mut(&mut self) -> &mut MetadataMap {
        &mut self.metadata
    }

    /// The encoded reply.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Goes on with these bytes instead.
    pub fn set_payload(&mut self, payload: impl Into<Bytes>) {
        self.payload = payload.into();
    }

    /// The reply, decoded.
    ///
    /// # Errors
    ///
    /// [`Internal`](tonic::Code::Internal) when the bytes are no `M`: look at the
    /// [`method`](Self::method) first.
    pub fn message<M: Message + Default>(&self) -> Result<M, Status> {
        M::decode(self.payload.clone()).map_err(|error| {
            Status::internal(format!("no such reply of `{}`: {error}", self.method()))
        })
    }

    /// Goes on with this reply instead.
    pub fn set_message(&mut self, message: &impl Message) {
        self.set_payload(message.encode_to_vec());
    }
}

impl fmt::Debug for IncomingReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingReply")
            .field("node", &self.node.id())
            .field("method", &self.method())
            .field("metadata", &self.metadata)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}
