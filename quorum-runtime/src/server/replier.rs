use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use prost::Message;
use tokio::sync::mpsc;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::reply::ReplyHead;
use super::turn::Turn;

/// Sends the replies of a handler that may reply several times, or the messages of a session.
///
/// The client sees each as it is sent. When the handler returns, so does its part of the call: with
/// `Ok` it has said all, with an error the client is told.
///
/// ```
/// use quorum_runtime::{Call, Level, Manager, Replier, Replies, Server, Status, Verdict};
///
/// #[quorum_macros::service]
/// pub trait Counter {
///     #[call(correctable)]
///     fn count(&self, to: u32) -> impl Stream<Item = u32>;
/// }
///
/// struct Numbers;
///
/// impl Counter for Numbers {
///     async fn count(&self, _: Call, to: u32, replies: Replier<u32>) -> Result<(), Status> {
///         for number in 1..=to {
///             replies.send(number).await?;
///         }
///         Ok(())
///     }
/// }
///
/// # struct Each;
/// # impl CounterQuorumSpec for Each {
/// #     fn count(&self, to: &u32, replies: &Replies<u32>) -> Verdict<Level<u32>> {
/// #         let level = replies.values().last().map(|&number| Level::new(number, number));
/// #         level.map(|level| if level.number == *to { level.last() } else { level }).into()
/// #     }
/// # }
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let address = serving(Server::builder().service(CounterServer::new(Numbers))).await;
/// # let counter = Manager::builder().nodes([address]).build()?.counter(Each)?;
/// assert_eq!(counter.count(3).await?, 3);
/// # Ok(())
/// # }
/// ```
pub struct Replier<R> {
    way: Way,
    reply: PhantomData<fn(R)>,
}

/// Where the replies go.
enum Way {
    /// To the stream that the client shares with its other calls.
    Shared(Outlet),
    /// To the session that the handler has for itself.
    Own { session: mpsc::Sender<Bytes>, max_message_size: usize },
}

impl<R: Message> Replier<R> {
    pub(super) const fn new(outlet: Outlet) -> Self {
        Self { way: Way::Shared(outlet), reply: PhantomData }
    }

    pub(super) const fn of_session(session: mpsc::Sender<Bytes>, max_message_size: usize) -> Self {
        Self { way: Way::Own { session, max_message_size }, reply: PhantomData }
    }

    /// Sends a reply. Waits while the client does not take those before it: up to 64 replies of all
    /// handlers of one client wait at the server, and of a session one.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](tonic::Code::Cancelled) when the client is gone.
    ///
    /// # Cancel safety
    ///
    /// A reply whose wait is dropped is not sent.
    pub async fn send(&self, reply: R) -> Result<(), Status> {
        let reply = Bytes::from(reply.encode_to_vec());
        let sent = match &self.way {
            Way::Shared(outlet) => outlet.say(What::Reply(reply)).await,
            Way::Own { max_message_size: limit, .. } if reply.len() > *limit => {
                let text = format!("a reply of {} bytes is over the limit of {limit}", reply.len());
                return Err(Status::resource_exhausted(text));
            }
            Way::Own { session, .. } => session.send(reply).await.map_err(|_| ()),
        };
        sent.map_err(|()| Status::cancelled("the client is gone"))
    }
}

impl<R> fmt::Debug for Replier<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replier").finish_non_exhaustive()
    }
}

/// The way from a handler to the stream of its client.
#[derive(Clone, Debug)]
pub(super) struct Outlet {
    head: ReplyHead,
    stream: mpsc::Sender<Said>,
    /// Has the metadata of the next reply.
    turn: Option<Arc<Turn>>,
    /// Where the end is kept for interceptors, which may make another end of it.
    end: Option<Arc<OnceLock<Result<(), Status>>>>,
}

/// Something that a handler said, and to which request.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) head: ReplyHead,
    pub(super) what: What,
    pub(super) metadata: Option<MetadataMap>,
}

#[derive(Debug)]
pub(super) enum What {
    Reply(Bytes),
    End,
    Failed(Status),
}

impl Outlet {
    pub(super) const fn new(head: ReplyHead, stream: mpsc::Sender<Said>) -> Self {
        Self { head, stream, turn: None, end: None }
    }

    /// Replies take along the metadata that the handler sets.
    pub(super) fn beside(mut self, turn: &Arc<Turn>) -> Self {
        self.turn = Some(Arc::clone(turn));
        self
    }

    /// The same for a handler inside of interceptors: its end is kept.
    pub(super) fn with_end(&self, end: &Arc<OnceLock<Result<(), Status>>>) -> Self {
        Self { end: Some(Arc::clone(end)), ..self.clone() }
    }

    /// The handler has returned.
    pub(super) async fn finish(self, result: Result<(), Status>) {
        if let Some(end) = self.end {
            // A handler ends once.
            let _ = end.set(result);
            return;
        }
        let last = result.map_or_else(What::Failed, |()| What::End);
        // A client that is gone needs no end.
        let _ = self.say(last).await;
    }

    async fn say(&self, what: What) -> Result<(), ()> {
        let head = self.head;
        let metadata = self.turn.as_ref().and_then(|turn| turn.take_reply_metadata());
        self.stream.send(Said { head, what, metadata }).await.map_err(|_| ())
    }
}
