use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use tokio::time::Instant;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::call::Method;
use crate::node::Node;
use crate::wire::{self, Envelope};

/// The message to one node of a call, as a
/// [`ClientInterceptor`](crate::ClientInterceptor) sees it. What is changed here is changed for this
/// node alone.
///
/// ```
/// use quorum_runtime::{Majority, Manager, OutgoingRequest, Status};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(3).await).build()?;
/// let register = manager.register(Majority)?.intercept(|request: &mut OutgoingRequest<'_>| {
///     if request.method() == "example.Register.Write" && request.node().id().get() == 2 {
///         let state: State = request.message()?;
///         request.set_message(&State { text: state.text.to_uppercase(), ..state });
///     }
///     Ok::<(), Status>(())
/// });
/// register.write(State::new(1, "hello")).all().await?;
/// assert_eq!(manager.node(2)?.read(()).await?.text, "HELLO");
/// assert_eq!(manager.node(3)?.read(()).await?.text, "hello");
/// # Ok(())
/// # }
/// ```
pub struct OutgoingRequest<'a> {
    node: &'a Node,
    method: Method,
    metadata: MetadataMap,
    envelope: &'a mut Envelope,
    delay: Duration,
}

impl<'a> OutgoingRequest<'a> {
    pub(super) fn new(node: &'a Node, method: Method, envelope: &'a mut Envelope) -> Self {
        let metadata = wire::metadata_of(std::mem::take(&mut envelope.entries));
        Self { node, method, metadata, envelope, delay: Duration::ZERO }
    }

    /// The changes go to the message. Gives the moment before which it is not to be sent.
    pub(super) fn finish(self) -> Option<Instant> {
        self.envelope.entries = wire::entries_of(&self.metadata);
        if self.delay.is_zero() { None } else { Instant::now().checked_add(self.delay) }
    }

    /// The node that it is for.
    #[must_use]
    pub const fn node(&self) -> &Node {
        self.node
    }

    /// The full name of the method, as `package.Service.Method`.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method.name
    }

    /// The metadata that the node will see.
    #[must_use]
    pub const fn metadata(&self) -> &MetadataMap {
        &self.metadata
    }

    /// The metadata, to be changed. Keys that begin with `quorum-` are not sent: they are ours.
    pub const fn metadata_mut(&mut self) -> &mut MetadataMap {
        &mut self.metadata
    }

    /// The encoded message.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.envelope.payload
    }

    /// Sends these bytes instead.
    pub fn set_payload(&mut self, payload: impl Into<Bytes>) {
        self.envelope.payload = payload.into();
    }

    /// The message, decoded.
    ///
    /// # Errors
    ///
    /// [`Internal`](tonic::Code::Internal) when the bytes are no `M`: look at the
    /// [`method`](Self::method) first.
    pub fn message<M: Message + Default>(&self) -> Result<M, Status> {
        M::decode(self.payload().clone()).map_err(|error| {
            Status::internal(format!("no such request of `{}`: {error}", self.method()))
        })
    }

    /// Sends this message instead.
    pub fn set_message(&mut self, message: &impl Message) {
        self.set_payload(message.encode_to_vec());
    }

    /// Holds the message back for this long, in addition to what was asked before. What is sent to
    /// this node behind it waits as well, so that the order stays.
    pub const fn delay(&mut self, by: Duration) {
        self.delay = self.delay.saturating_add(by);
    }
}

impl fmt::Debug for OutgoingRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest")
            .field("node", &self.node.id())
            .field("method", &self.method())
            .field("metadata", &self.metadata)
            .field("bytes", &self.payload().len())
            .finish_non_exhaustive()
    }
}
