use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, stream};
use http::uri::PathAndQuery;
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status, Streaming};

use super::{Context, Method};
use crate::error::{ConnectionError, NodeError, NodeFailure, RpcError};
use crate::node::Node;
use crate::wire::{self, Envelope, MessageCodec};

/// Bytes of messages that were sent and wait for HTTP/2 to take them. Beyond, sending waits.
const MAX_UNSENT_BYTES: u32 = 1024 * 1024;
/// The number of those messages.
const MAX_UNSENT: usize = 256;

/// An ordered session with one node: messages `Q` to it and messages `R` from it, in order, either
/// side first, until both have said that they are done.
///
/// It has a connection of its own, which is opened when this value is made: a long transfer delays
/// no call to the node, and a node that does not read holds up nobody else. So its messages keep
/// their order among themselves, and not with other calls to the node. A session does not outlive
/// its connection: when that breaks, the session ends with an error, and whoever wants to go on
/// opens another and says where it was.
///
/// A session has no deadline, but for the
/// [`connect_timeout`](crate::ManagerBuilder::connect_timeout) of its connection. Dropping the
/// session cancels it, at both ends. It is what gRPC calls bidirectional streaming.
///
/// # Examples
///
/// ```
/// use quorum_runtime::Manager;
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(1).await).build()?;
/// let mut session = manager.node(1)?.exchange();
/// session.send(State::new(2, "new")).await?;
/// session.send(State::new(1, "old")).await?;
/// session.finish();
/// while let Some(held) = session.next().await {
///     assert_eq!(held?.text, "new"); // the node keeps the newest
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a session that is dropped is cancelled"]
pub struct Session<Q, R> {
    sender: SessionSender<Q>,
    receiver: SessionReceiver<R>,
}

impl<Q: Message, R: Message + Default + 'static> Session<Q, R> {
    pub(crate) fn open(context: &Arc<Context>, node: Node, method: Method) -> Self {
        let (queue, messages) = mpsc::channel(MAX_UNSENT);
        let room = Arc::new(Semaphore::new(MAX_UNSENT_BYTES as usize));
        // A session is one request to the interceptors, which has metadata and no message.
        let mut envelope = Envelope::default();
        let allowed = context.interceptors.request(&node, method, &mut envelope);
        let allowed = allowed.map(|not_before| (wire::metadata_of(envelope.entries), not_before));
        let opening = open(node.clone(), method, context.max_message_size, messages, allowed);
        let at = At { node, method };
        let sender = SessionSender {
            at: at.clone(),
            queue: Some(queue),
            room,
            max_message_size: context.max_message_size,
            message: PhantomData,
        };
        let state = Receiving::Opening(context.tasks.spawn(opening));
        Self { sender, receiver: SessionReceiver { at, state } }
    }

    /// Sends a message. Waits while the node does not take those before it: up to 256 messages and
    /// 1 MiB are on their way to the connection.
    ///
    /// # Errors
    ///
    /// [`Closed`](NodeError::Closed) when the session has ended, or its sending was finished; why
    /// it ended is what [`next`](Self::next) says. [`TooLarge`](NodeError::TooLarge) when the
    /// message is over the limit of the manager; the session goes on.
    ///
    /// # Cancel safety
    ///
    /// A message whose wait is dropped is not sent.
    pub async fn send(&mut self, message: Q) -> Result<(), RpcError> {
        self.sender.send(message).await
    }

    /// Says that no further message will be sent. The node sees the end behind the last message,
    /// and may go on sending.
    pub fn finish(&mut self) {
        self.sender.finish();
    }

    /// The next message of the node, or `None` when it has ended the session without an error, and
    /// after any error.
    ///
    /// # Errors
    ///
    /// [`Unreachable`](NodeError::Unreachable) when the connection could not be opened,
    /// [`RequestRejected`](NodeError::RequestRejected) when an interceptor refused it, else
    /// [`Status`](NodeError::Status): that by which the node ended the session, or what gRPC makes
    /// of a lost connection or of a message over the limit.
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Option<Result<R, RpcError>> {
        self.receiver.next().await
    }

    /// The two directions, for two tasks. The session is cancelled when the receiver is dropped.
    ///
    /// ```
    /// use quorum_runtime::Manager;
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let manager = Manager::builder().nodes(servers(1).await).build()?;
    /// let (mut sender, mut receiver) = manager.node(1)?.exchange().split();
    /// tokio::spawn(async move {
    ///     for version in 1..=100 {
    ///         sender.send(State::new(version, "")).await?;
    ///     }
    ///     Ok::<(), quorum_runtime::RpcError>(()) // drops the sender, which ends its direction
    /// });
    /// let mut answers = 0;
    /// while receiver.next().await.transpose()?.is_some() {
    ///     answers += 1;
    /// }
    /// assert_eq!(answers, 100);
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(self) -> (SessionSender<Q>, SessionReceiver<R>) {
        (self.sender, self.receiver)
    }
}

/// The sending half of a [`Session`], which [`Session::split`] gives. Dropping it says that no
/// further message will be sent.
///
/// ```
/// use quorum_runtime::{Manager, NodeError};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().nodes(servers(1).await).build()?;
/// let (mut sender, _receiver) = manager.node(1)?.exchange().split();
/// sender.send(State::new(1, "hello")).await?;
/// sender.finish();
/// let error = sender.send(State::new(2, "more")).await.unwrap_err();
/// assert!(matches!(error.failure().error, NodeError::Closed));
/// # Ok(())
/// # }
/// ```
pub struct SessionSender<Q> {
    at: At,
    /// `None` after the end was said.
    queue: Option<mpsc::Sender<Unsent>>,
    room: Arc<Semaphore>,
    max_message_size: usize,
    message: PhantomData<fn(Q)>,
}

/// An encoded message, and the room that it takes until HTTP/2 has it.
struct Unsent {
    message: Bytes,
    _room: OwnedSemaphorePermit,
}

impl<Q: Message> SessionSender<Q> {
    /// Sends a message, as [`Session::send`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Session::send`].
    ///
    /// # Cancel safety
    ///
    /// A message whose wait is dropped is not sent.
    pub async fn send(&mut self, message: Q) -> Result<(), RpcError> {
        let message = Bytes::from(message.encode_to_vec());
        let (bytes, limit) = (message.len(), self.max_message_size);
        if bytes > limit {
            return Err(self.at.error(NodeError::TooLarge { bytes, limit }));
        }
        let ended = || self.at.error(NodeError::Closed);
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        // A message larger than all the room there is waits for all of it.
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(MAX_UNSENT_BYTES);
        let room = tokio::select! { biased;
            () = queue.closed() => return Err(ended()),
            room = Arc::clone(&self.room).acquire_many_owned(bytes) => room.map_err(|_| ended())?,
        };
        queue.send(Unsent { message, _room: room }).await.map_err(|_| ended())
    }

    /// Says that no further message will be sent, as [`Session::finish`] does.
    pub fn finish(&mut self) {
        self.queue = None;
    }
}

/// The receiving half of a [`Session`], which [`Session::split`] gives. Dropping it cancels the
/// session.
///
/// ```
/// use quorum_runtime::{Manager, NodeError};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().node(1, nobody()).build()?;
/// let (_sender, mut receiver) = manager.node(1)?.exchange().split();
/// let error = receiver.next().await.expect("an error").unwrap_err();
/// assert!(matches!(error.failure().error, NodeError::Unreachable(_)));
/// assert!(receiver.next().await.is_none());
/// # Ok(())
/// # }
/// ```
pub struct SessionReceiver<R> {
    at: At,
    state: Receiving<R>,
}

enum Receiving<R> {
    /// Requests flow meanwhile. A task of its own waits for the node to open its side, because the
    /// node may do that only when it has something to say.
    Opening(JoinHandle<Option<Result<Streaming<R>, NodeError>>>),
    Open(Box<Streaming<R>>),
    Ended,
}

impl<R: Message + Default + 'static> SessionReceiver<R> {
    /// The next message of the node, as [`Session::next`] gives it.
    ///
    /// # Errors
    ///
    /// Those of [`Session::next`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Option<Result<R, RpcError>> {
        match self.try_next().await {
            Ok(message) => message.map(Ok),
            Err(error) => {
                self.state = Receiving::Ended;
                Some(Err(self.at.error(error)))
            }
        }
    }

    async fn try_next(&mut self) -> Result<Option<R>, NodeError> {
        if let Receiving::Opening(task) = &mut self.state {
            let opened = task.await.ok().flatten().unwrap_or(Err(NodeError::Closed));
            self.state = Receiving::Open(Box::new(opened?));
        }
        let Receiving::Open(stream) = &mut self.state else {
            return Ok(None);
        };
        let message = stream.message().await.map_err(node_error)?;
        if message.is_none() {
            self.state = Receiving::Ended;
        }
        Ok(message)
    }
}

impl<R> Drop for SessionReceiver<R> {
    fn drop(&mut self) {
        if let Receiving::Opening(task) = &self.state {
            task.abort();
        }
    }
}

/// Opens the connection, and the gRPC stream on it.
async fn open<R: Message + Default + 'static>(
    node: Node,
    method: Method,
    max_message_size: usize,
    messages: mpsc::Receiver<Unsent>,
    allowed: Result<(MetadataMap, Option<Instant>), NodeError>,
) -> Result<Streaming<R>, NodeError> {
    if node.link().is_closed() {
        return Err(NodeError::Closed);
    }
    let (metadata, not_before) = allowed?;
    if let Some(not_before) = not_before {
        tokio::time::sleep_until(not_before).await;
    }
    let channel = node.link().extra_connection().await;
    let channel = channel.map_err(NodeError::Unreachable)?;
    let mut client = Grpc::new(channel).max_decoding_message_size(max_message_size);
    let ready = client.ready().await;
    ready.map_err(|error| NodeError::Status(Status::from_error(error.into())))?;
    let path = PathAndQuery::try_from(method.path())
        .map_err(|error| NodeError::Status(Status::internal(error.to_string())))?;
    let request = Request::from_parts(metadata, tonic::Extensions::default(), outgoing(messages));
    let response = client.streaming(request, path, MessageCodec::new()).await;
    response.map(tonic::Response::into_inner).map_err(node_error)
}

/// A status has a source when the connection made it up, and none when the node sent it.
fn node_error(status: Status) -> NodeError {
    if std::error::Error::source(&status).is_some() {
        return NodeError::Disconnected(ConnectionError::new(status));
    }
    NodeError::Status(status)
}

fn outgoing(messages: mpsc::Receiver<Unsent>) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(messages, async |mut messages| {
        let Unsent { message, _room } = messages.recv().await?;
        Some((message, messages))
    })
}

/// What a session is about, for its errors.
#[derive(Clone, Debug)]
struct At {
    node: Node,
    method: Method,
}

impl At {
    fn error(&self, error: NodeError) -> RpcError {
        let (node, address) = (self.node.id(), self.node.address());
        RpcError { method: self.method.name, failure: NodeFailure { node, address, error } }
    }
}

impl<Q> fmt::Debug for SessionSender<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSender").field("at", &self.at).finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for SessionReceiver<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionReceiver").field("at", &self.at).finish_non_exhaustive()
    }
}
