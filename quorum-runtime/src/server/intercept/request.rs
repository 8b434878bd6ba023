use bytes::Bytes;
use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::server::call::Call;

/// A request, as a [`ServerInterceptor`](crate::ServerInterceptor) sees it. What is changed here is
/// changed for the handler.
///
/// ```
/// use quorum_runtime::{
///     IncomingRequest, Manager, Next, OutgoingReply, Server, ServerInterceptor, Status,
/// };
///
/// struct Short;
///
/// impl ServerInterceptor for Short {
///     async fn handle(
///         &self,
///         mut request: IncomingRequest,
///         next: Next<'_>,
///     ) -> Result<OutgoingReply, Status> {
///         if request.method() == "example.Register.Write" {
///             let mut state: State = request.message()?;
///             state.text.truncate(4);
///             request.set_message(&state);
///         }
///         next.run(request).await
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().service(RegisterServer::new(Replica::new())).intercept(Short);
/// let manager = Manager::builder().nodes([serving(server).await]).build()?;
/// manager.node(1)?.write(State::new(1, "hello")).await?;
/// assert_eq!(manager.node(1)?.read(()).await?.text, "hell");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct IncomingRequest {
    pub(in crate::server) call: Call,
    pub(in crate::server) payload: Bytes,
}

impl IncomingRequest {
    /// What the handler will know of the request: who sent it, its deadline, whether its caller gave
    /// up, and whom it may call.
    #[must_use]
    pub const fn call(&self) -> &Call {
        &self.call
    }

    /// The full name of the method, as `package.Service.Method`.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.call.method()
    }

    /// The metadata that the client sent with the request.
    #[must_use]
    pub fn metadata(&self) -> &MetadataMap {
        self.call.metadata()
    }

    /// The metadata, to be changed.
    pub fn metadata_mut(&mut self) -> &mut MetadataMap {
        self.call.metadata_mut()
    }

    /// The encoded message; of a session there is none, so it is empty.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Gives these bytes to the handler instead.
    pub fn set_payload(&mut self, payload: impl Into<Bytes>) {
        self.payload = payload.into();
    }

    /// The message, decoded.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](tonic::Code::InvalidArgument) when the bytes are no `M`.
    pub fn message<M: Message + Default>(&self) -> Result<M, Status> {
        M::decode(self.payload.clone()).map_err(|error| {
            Status::invalid_argument(format!("no request of `{}`: {error}", self.method()))
        })
    }

    /// Gives this message to the handler instead.
    pub fn set_message(&mut self, message: &impl Message) {
        self.set_payload(message.encode_to_vec());
    }
}
