use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, Streaming};

use super::call::{Call, Turn};
use super::certificates::Certificates;
use super::limits::MetadataLimits;
use super::replier::{Outlet, Said, What};
use super::service::{Outcome, Registry, Running};
use super::waiting::Waiting;
use crate::wire::{self, Envelope, RpcStatus};

/// Handlers of one stream that may run beside each other after they released. At the limit further
/// requests wait until one of them is done.
const MAX_RELEASED: usize = 1024;

/// Replies of handlers that reply several times, for all of one stream, that may wait for the
/// client to take them. At the limit the handlers wait.
const MAX_SAID: usize = 64;

/// One client's ordered stream at this server.
///
/// It has no task of its own: it runs when HTTP/2 asks for the next reply, so a client that takes
/// no replies gets no further requests handled.
pub(super) struct ClientStream {
    requests: Streaming<Envelope>,
    registry: Arc<Registry>,
    max_message_size: usize,
    max_metadata: MetadataLimits,
    peer: Option<SocketAddr>,
    certificates: Certificates,
    /// Replies repeat their method, because the client needs that to read them.
    repeats_method: bool,
    current: Option<Handling>,
    waiting: Waiting,
    released: JoinSet<(ReplyHead, Outcome)>,
    /// The released handlers that may reply several times, by their sequence numbers.
    streaming: BTreeMap<u64, AbortHandle>,
    /// What handlers that reply several times have said.
    said: mpsc::Receiver<Said>,
    /// The other end, for their outlets.
    speak: mpsc::Sender<Said>,
    drain: CancellationToken,
    /// No further request is begun.
    ended: bool,
}

/// A request that is being handled and holds the turn.
struct Handling {
    head: ReplyHead,
    turn: Arc<Turn>,
    running: Running,
    streams: bool,
}

/// What a reply repeats of its request.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplyHead {
    sequence: u64,
    method: Bytes,
}

/// What the stream waited for.
enum Event {
    Request(Result<Option<Envelope>, Status>),
    Outcome(ReplyHead, Outcome),
    Said(Said),
    Progress,
}

impl ClientStream {
    pub(super) fn new(
        request: Request<Streaming<Envelope>>,
        registry: Arc<Registry>,
        max_message_size: usize,
        max_metadata: MetadataLimits,
        drain: CancellationToken,
    ) -> Self {
        let (speak, said) = mpsc::channel(MAX_SAID);
        Self {
            said,
            speak,
            registry,
            max_message_size,
            max_metadata,
            peer: request.remote_addr(),
            certificates: Certificates::of(request.extensions()),
            repeats_method: !wire::announced(request.metadata()),
            requests: request.into_inner(),
            current: None,
            waiting: Waiting::default(),
            released: JoinSet::new(),
            streaming: BTreeMap::new(),
            drain,
            ended: false,
        }
    }

    /// Handles the requests as they come; yields the replies as they are ready.
    pub(super) fn replies(self) -> impl Stream<Item = Result<Envelope, Status>> + Send {
        stream::unfold(Box::new(self), async |mut stream| {
            let reply = stream.next_reply().await?;
            Some((reply, stream))
        })
    }

    /// The next reply, or the status that ends the stream, or `None` at its end.
    async fn next_reply(&mut self) -> Option<Result<Envelope, Status>> {
        loop {
            while self.current.is_none()
                && !self.is_full()
                && let Some(request) = self.waiting.pop()
            {
                if let Some(refusal) = self.begin(request) {
                    return Some(Ok(refusal));
                }
            }
            match self.next_event().await? {
                Event::Request(Ok(Some(request))) => {
                    if let Some(refusal) = self.accept(request) {
                        return Some(Ok(refusal));
                    }
                }
                // The client ended its side: what it asked before is still answered.
                Event::Request(Ok(None)) => self.ended = true,
                Event::Request(Err(status)) => {
                    self.abort();
                    return Some(Err(status));
                }
                Event::Outcome(head, outcome) => {
                    self.streaming.remove(&head.sequence);
                    if let Some(outcome) = outcome {
                        return Some(Ok(self.reply(head, outcome)));
                    }
                }
                Event::Said(Said { head, what }) => {
                    if let Some(reply) = self.said_reply(head, what) {
                        return Some(Ok(reply));
                    }
                }
                Event::Progress => {}
            }
        }
    }

    /// Waits for the next thing to happen; `None` when nothing can happen any more.
    async fn next_event(&mut self) -> Option<Event> {
        let reads = !self.ended && self.waiting.has_room();
        let runs = self.current.is_some() || !self.released.is_empty() || !self.said.is_empty();
        tokio::select! { biased;
            Some(said) = self.said.recv(), if runs => Some(Event::Said(said)),
            Some(done) = self.released.join_next() => Some(match done {
                Ok((head, outcome)) => Event::Outcome(head, outcome),
                // Handlers catch their panics, so this one was told to stop.
                Err(_aborted) => Event::Progress,
            }),
            outcome = while_in_turn(&mut self.current), if self.current.is_some() => {
                let Handling { head, running, streams, .. } = self.current.take()?;
                Some(match outcome {
                    Some(outcome) => Event::Outcome(head, outcome),
                    None => {
                        self.set_free(head, running, streams);
                        Event::Progress
                    }
                })
            },
            () = self.drain.cancelled(), if reads => {
                self.ended = true;
                Some(Event::Progress)
            },
            request = self.requests.message(), if reads => Some(Event::Request(request)),
            else => None,
        }
    }

    /// Begins to handle a request, or lets it wait for its turn. A request for a method that is not
    /// there is answered at once.
    fn accept(&mut self, request: Envelope) -> Option<Envelope> {
        if wire::is_cancel(&request) {
            self.cancel(request.sequence);
            return None;
        }
        let ordered = self.registry.find(&request.method).is_ok_and(|handler| handler.ordered);
        let has_turn = !ordered || (self.current.is_none() && self.waiting.is_empty());
        if !has_turn || self.is_full() {
            self.waiting.push(request);
            return None;
        }
        self.begin(request)
    }

    /// Whether no further handler may run beside the others.
    fn is_full(&self) -> bool {
        self.released.len() >= MAX_RELEASED
    }

    /// Gives the turn to a request, unless its method takes no turns.
    fn begin(&mut self, request: Envelope) -> Option<Envelope> {
        let Envelope { sequence, method, entries, payload, .. } = request;
        let head = ReplyHead { sequence, method };
        let handler = match self.registry.find(&head.method) {
            Ok(handler) => handler,
            Err(status) => return Some(self.reply(head, Err(status))),
        };
        if let Err(refusal) = self.max_metadata.check(&entries) {
            return Some(self.reply(head, Err(refusal)));
        }
        let turn = Arc::new(Turn::default());
        let call = Call::new(self.peer, wire::metadata_of(entries), Arc::clone(&turn))
            .with_certificates(self.certificates.clone());
        let outlet = Outlet::new(head.clone(), self.speak.clone());
        let running = (handler.begin)(call, payload, outlet);
        let streams = handler.streams;
        if handler.ordered {
            self.current = Some(Handling { head, turn, running, streams });
        } else {
            self.set_free(head, running, streams);
        }
        None
    }

    /// Lets a handler run beside the others.
    fn set_free(&mut self, head: ReplyHead, running: Running, streams: bool) {
        let sequence = head.sequence;
        let handle = self.released.spawn(async { (head, running.await) });
        if streams {
            self.streaming.insert(sequence, handle);
        }
    }

    /// The client wants to hear no more of a call. What waits is not begun; a handler that may reply
    /// several times stops where it waits; any other is left to finish what it has begun.
    fn cancel(&mut self, sequence: u64) {
        self.waiting.remove(sequence);
        if let Some(handler) = self.streaming.remove(&sequence) {
            handler.abort();
        }
        let is_current =
            |handling: &mut Handling| handling.streams && handling.head.sequence == sequence;
        self.current.take_if(is_current);
    }

    /// The reply that a handler of several replies gave, or the mark of its end, which only a peer
    /// that understands it is sent.
    fn said_reply(&self, head: ReplyHead, what: What) -> Option<Envelope> {
        match what {
            What::Reply(payload) => Some(self.reply(head, Ok(payload))),
            What::Failed(status) => Some(self.reply(head, Err(status))),
            What::End if self.repeats_method => None,
            What::End => {
                let sequence = head.sequence;
                Some(Envelope { sequence, entries: wire::end_entries(), ..Envelope::default() })
            }
        }
    }

    fn reply(&self, head: ReplyHead, outcome: Result<Bytes, Status>) -> Envelope {
        let ReplyHead { sequence, method } = head;
        let method = if self.repeats_method { method } else { Bytes::new() };
        let mut reply = Envelope { sequence, method, ..Envelope::default() };
        match outcome {
            Ok(payload) => reply.payload = payload,
            Err(status) => reply.status = Some(RpcStatus::from(&status)),
        }
        let (bytes, limit) = (reply.encoded_len(), self.max_message_size);
        if bytes > limit {
            let text = format!("the reply of {bytes} bytes is over the limit of {limit}");
            reply.payload = Bytes::new();
            reply.status = Some(RpcStatus::from(&Status::resource_exhausted(text)));
        }
        reply
    }

    /// The stream is broken: nothing that still runs could be answered.
    fn abort(&mut self) {
        self.ended = true;
        self.current = None;
        self.waiting.clear();
        self.released.abort_all();
    }
}

/// Runs the handler as long as it holds its turn: its outcome, or `None` when it released.
async fn while_in_turn(current: &mut Option<Handling>) -> Option<Outcome> {
    poll_fn(|task| {
        let Some(Handling { running, turn, .. }) = current else {
            return Poll::Pending;
        };
        if let Poll::Ready(outcome) = running.as_mut().poll(task) {
            return Poll::Ready(Some(outcome));
        }
        if turn.is_released(task) { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}
