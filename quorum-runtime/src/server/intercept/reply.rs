use bytes::Bytes;
use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataMap;

/// The reply of a handler, as a [`ServerInterceptor`](crate::ServerInterceptor) sees it, or one that
/// an interceptor makes itself.
///
/// ```
/// use quorum_runtime::{
///     IncomingRequest, Manager, Next, OutgoingReply, Server, ServerInterceptor, Status,
/// };
///
/// struct Cache(State);
///
/// impl ServerInterceptor for Cache {
///     async fn handle(
///         &self,
///         request: IncomingRequest,
///         next: Next<'_>,
///     ) -> Result<OutgoingReply, Status> {
///         match request.method() {
///             "example.Register.Read" => Ok(OutgoingReply::new(&self.0)),
///             _ => next.run(request).await,
///         }
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().service(RegisterServer::new(Replica::new()));
/// let server = server.intercept(Cache(State::new(7, "cached")));
/// let manager = Manager::builder().nodes([serving(server).await]).build()?;
/// assert_eq!(manager.node(1)?.read(()).await?.text, "cached");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct OutgoingReply {
    pub(in crate::server) metadata: MetadataMap,
    pub(in crate::server) payload: Bytes,
}

impl OutgoingReply {
    /// A reply with this message.
    #[must_use]
    pub fn new(message: &impl Message) -> Self {
        let payload = message.encode_to_vec().into();
        Self { metadata: MetadataMap::new(), payload }
    }

    /// The metadata that the client will see.
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
        &self.payload
    }

    /// Answers with these bytes instead.
    pub fn set_payload(&mut self, payload: impl Into<Bytes>) {
        self.payload = payload.into();
    }

    /// The message, decoded.
    ///
    /// # Errors
    ///
    /// [`Internal`](tonic::Code::Internal) when the bytes are no `M`.
    pub fn message<M: Message + Default>(&self) -> Result<M, Status> {
        let decoded = M::decode(self.payload.clone());
        decoded.map_err(|error| Status::internal(format!("no such reply: {error}")))
    }

    /// Answers with this message instead.
    pub fn set_message(&mut self, message: &impl Message) {
        self.set_payload(message.encode_to_vec());
    }
}
