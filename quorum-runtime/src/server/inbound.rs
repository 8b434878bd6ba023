mod observed;

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::coop;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::beside::{Begun, Beside};
use super::call::Call;
use super::caller::Caller;
use super::replier::{Outlet, Said, What};
use super::reply::{Phrasing, ReplyHead};
use super::service::{Outcome, Running, nothing_runs};
use super::turn::Turn;
use super::waiting::{Accepted, Waiting};
use crate::link::Reversed;
use crate::observe::{Line, OpenLine};
use crate::wire::{self, Envelope};

/// Replies of handlers that reply several times, for all of one stream, that may wait for the
/// caller to take them. At the limit the handlers wait.
const MAX_SAID: usize = 64;

/// The ordered requests of one caller, at the node that handles them.
///
/// It has no task of its own: it runs when the next reply is asked for, so a caller that takes no
/// replies gets no further requests handled.
pub(super) struct Inbound<S> {
    requests: S,
    caller: Arc<Caller>,
    phrasing: Phrasing,
    /// The request that is being handled and holds the turn.
    current: Option<Begun>,
    /// Its handler. The handlers of one caller take turns in one box.
    running: Running,
    /// A turn that is over, for the next request.
    turn: Option<Arc<Turn>>,
    waiting: Waiting,
    beside: Beside,
    /// What handlers that reply several times have said.
    said: mpsc::Receiver<Said>,
    /// The other end, for their outlets.
    speak: mpsc::Sender<Said>,
    /// Some of them may have something to say.
    speaks: bool,
    /// The calls of this server to the caller.
    reversed: Option<Reversed>,
    /// No further request is begun.
    ended: bool,
    /// The server is to stop.
    drain: Pin<Box<WaitForCancellationFutureOwned>>,
    _running: TaskTrackerToken,
    line: OpenLine,
}

/// What came of what the stream waited for.
enum Event {
    /// Something to tell the caller, or the status that ends the stream.
    Says(Result<Envelope, Status>),
    /// Nothing to tell.
    Progress,
    /// Nothing can happen any more.
    End,
}

impl Event {
    fn saying(message: Option<Envelope>) -> Self {
        message.map_or(Self::Progress, |message| Self::Says(Ok(message)))
    }
}

/// Its replies as they are ready, or the status that ends the stream.
impl<S: Stream<Item = Result<Envelope, Status>> + Unpin> Stream for Inbound<S> {
    type Item = Result<Envelope, Status>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let inbound = self.get_mut();
        loop {
            if let Some(refusal) = inbound.begin_waiting() {
                return Poll::Ready(Some(Ok(refusal)));
            }
            // Handlers run here, so a flood of requests must let other tasks run as well.
            let budget = ready!(coop::poll_proceed(task));
            let event = ready!(inbound.poll_event(task));
            budget.made_progress();
            match event {
                Event::Says(message) => return Poll::Ready(Some(message)),
                Event::Progress => {}
                Event::End => return Poll::Ready(None),
            }
        }
    }
}

impl<S: Stream<Item = Result<Envelope, Status>> + Unpin> Inbound<S> {
    pub(super) fn new(requests: S, caller: Arc<Caller>, repeats_method: bool) -> Self {
        let (speak, said) = mpsc::channel(MAX_SAID);
        let limits = caller.host.limits;
        let line = OpenLine::new(Line::new(&caller.host.scope, caller.peer.process()));
        Self {
            requests,
            phrasing: Phrasing { repeats_method, max_message_size: limits.max_message_size },
            current: None,
            running: nothing_runs(),
            turn: None,
            waiting: Waiting::new(limits.waiting, limits.waiting_bytes),
            beside: Beside::new(limits.released, limits.released_bytes),
            said,
            speak,
            speaks: false,
            reversed: None,
            ended: false,
            drain: Box::pin(caller.host.stop.draining()),
            _running: caller.host.stop.running.token(),
            caller,
            line,
        }
    }

    /// Carries the calls of this server to the caller as well, on the same stream.
    pub(super) fn with_calls(self, reversed: Reversed) -> Self {
        Self { reversed: Some(reversed), ..self }
    }

    /// Begins what waits, as long as turns are free; a refusal if one has to be told.
    fn begin_waiting(&mut self) -> Option<Envelope> {
        while self.current.is_none() && !self.beside.is_full() {
            let request = self.waiting.pop()?;
            if request.is_late() {
                return Some(self.refuse_late(&request));
            }
            if let Some(refusal) = self.begin(request) {
                return Some(refusal);
            }
        }
        None
    }

    /// The next thing to happen.
    fn poll_event(&mut self, task: &mut Context<'_>) -> Poll<Event> {
        if self.speaks
            && let Poll::Ready(said) = self.poll_said(task)
        {
            return Poll::Ready(Event::saying(self.said_reply(said)));
        }
        if !self.beside.is_empty()
            && let Poll::Ready(Some(done)) = self.beside.poll_next(task)
        {
            return Poll::Ready(done.map_or(Event::Progress, |done| {
                self.ended(done.head, done.turn.take_reply_metadata(), done.outcome)
            }));
        }
        if self.current.is_some()
            && let Poll::Ready(event) = self.poll_current(task)
        {
            return Poll::Ready(event);
        }
        if !self.ended {
            if let Some(reversed) = &self.reversed
                && let Poll::Ready(call) = reversed.poll_call(task)
            {
                return Poll::Ready(Event::Says(Ok(call)));
            }
            return self.poll_request(task);
        }
        let has_said = self.speaks && !self.said.is_empty();
        if self.current.is_some() || !self.beside.is_empty() || has_said {
            return Poll::Pending;
        }
        Poll::Ready(Event::End)
    }

    /// What a handler that replies several times has said.
    fn poll_said(&mut self, task: &mut Context<'_>) -> Poll<Said> {
        // Asked first: who is there now may say something and go in the meantime.
        let all_went = self.said.sender_strong_count() == 1;
        if let Poll::Ready(Some(said)) = self.said.poll_recv(task) {
            return Poll::Ready(said);
        }
        // A task that has worked for long gets no message even where there are some.
        self.speaks = !(all_went && self.said.is_empty());
        Poll::Pending
    }

    /// Runs the handler that holds the turn, until it has ended or released.
    fn poll_current(&mut self, task: &mut Context<'_>) -> Poll<Event> {
        let Some(request) = self.current.take() else {
            return Poll::Pending;
        };
        if let Poll::Ready(outcome) = self.running.poll(task) {
            if self.line.is_observed() {
                // The observer is told of its end when it goes.
                self.running = nothing_runs();
            }
            let Begun { head, turn, .. } = request;
            let metadata = turn.take_reply_metadata();
            self.keep(turn);
            return Poll::Ready(self.ended(head, metadata, outcome));
        }
        if request.turn.is_released(task) {
            self.tell_released(request.head);
            self.beside.add(request, mem::replace(&mut self.running, nothing_runs()));
            return Poll::Ready(Event::Progress);
        }
        self.current = Some(request);
        Poll::Pending
    }

    /// Keeps a turn that is over for the next request, unless its handler has left its `Call` somewhere,
    /// which must not come to speak of another request.
    fn keep(&mut self, mut turn: Arc<Turn>) {
        if let Some(free) = Arc::get_mut(&mut turn) {
            free.renew();
            self.turn = Some(turn);
        }
    }

    /// A handler has ended, and may have a reply.
    fn ended(&self, head: ReplyHead, metadata: Option<MetadataMap>, outcome: Outcome) -> Event {
        Event::saying(outcome.map(|outcome| self.reply(metadata, head, outcome)))
    }

    /// The next request, where there is room to read one and the server goes on.
    fn poll_request(&mut self, task: &mut Context<'_>) -> Poll<Event> {
        if !self.waiting.has_room() {
            return Poll::Pending;
        }
        while !self.caller.host.stop.is_draining() {
            match self.requests.poll_next_unpin(task) {
                Poll::Ready(Some(Ok(request))) => match self.accept(request, task) {
                    // Its handler waits. What comes behind may need no turn.
                    Poll::Pending => {}
                    event => return event,
                },
                Poll::Ready(Some(Err(status))) => {
                    self.abort();
                    return Poll::Ready(Event::Says(Err(status)));
                }
                // The caller ended its side: what it asked before is still answered.
                Poll::Ready(None) => break,
                Poll::Pending => {
                    // Asked last, because it takes a lock that all streams share.
                    ready!(self.drain.as_mut().poll(task));
                    break;
                }
            }
        }
        self.ended = true;
        Poll::Ready(Event::Progress)
    }

    /// Begins to handle a request, or lets it wait for its turn. A request for a method that is not
    /// there is answered at once.
    #[inline]
    fn accept(&mut self, request: Envelope, task: &mut Context<'_>) -> Poll<Event> {
        if let Some(reversed) = &self.reversed
            && request.sequence & wire::FROM_SERVER != 0
        {
            reversed.deliver(request);
            return Poll::Ready(Event::Progress);
        }
        self.tell_received(&request);
        if wire::is_cancel(&request) {
            self.cancel(request.sequence);
            return Poll::Ready(Event::Progress);
        }
        let Some(handler) = self.caller.host.registry.find(&request.method) else {
            return Poll::Ready(Event::Says(Ok(self.refuse_unknown(request))));
        };
        let request = Accepted::new(request, handler);
        let is_free = self.current.is_none() && self.waiting.is_empty();
        let is_ordered = self.caller.host.registry.handler(handler).ordered;
        if (is_ordered && !is_free) || self.beside.is_full() {
            self.waiting.push(request);
            return Poll::Ready(Event::Progress);
        }
        if request.came_late() {
            return Poll::Ready(Event::Says(Ok(self.refuse_late(&request))));
        }
        if let Some(refusal) = self.begin(request) {
            return Poll::Ready(Event::Says(Ok(refusal)));
        }
        // What one that replies several times has said at once is to be asked for.
        if is_ordered && !self.speaks {
            self.poll_current(task)
        } else {
            Poll::Ready(Event::Progress)
        }
    }

    /// Gives the turn to a request, unless its method takes no turns.
    fn begin(&mut self, request: Accepted) -> Option<Envelope> {
        let Accepted { envelope, deadline, handler } = request;
        let Envelope { sequence, entries, payload, .. } = envelope;
        let handler = self.caller.host.registry.handler(handler);
        // Not the name that came: it is a part of the whole message, and would keep that in memory.
        let head = ReplyHead { sequence, method: handler.name };
        if let Err(refusal) = self.caller.host.limits.metadata.check(&entries) {
            return Some(self.reply(None, head, Err(refusal)));
        }
        let turn = self.turn.take().unwrap_or_else(|| Arc::new(Turn::of(Arc::clone(&self.caller))));
        let metadata = (!entries.is_empty()).then(|| wire::metadata_of(entries));
        let call = Call::new(Arc::clone(&turn), handler.name, metadata, deadline);
        let observed = self.observe_handler(head);
        let (ordered, streams, bytes) = (handler.ordered, handler.streams(), payload.len());
        let mut beside = nothing_runs();
        let running = if ordered { &mut self.running } else { &mut beside };
        self.speaks |= streams;
        let outlet = || Outlet::new(head, self.speak.clone()).beside(&turn);
        handler.begin(call, payload, outlet, running);
        if let Some(observed) = observed {
            let handled = mem::replace(running, nothing_runs());
            running.set(observed.run(handled));
        }
        let request = Begun { head, turn, streams, bytes };
        if ordered {
            self.current = Some(request);
        } else {
            self.beside.add(request, beside);
        }
        None
    }

    /// A request whose time was over before its turn came is not begun.
    fn refuse_late(&self, request: &Accepted) -> Envelope {
        let method = self.caller.host.registry.handler(request.handler).name;
        let head = ReplyHead { sequence: request.envelope.sequence, method };
        let late = Status::deadline_exceeded("the deadline had passed before its turn came");
        self.reply(None, head, Err(late))
    }

    /// The caller wants to hear no more of a call. What waits is not begun; a handler that may reply
    /// several times stops where it waits; any other is told, and left to finish what it has begun.
    fn cancel(&mut self, sequence: u64) {
        self.waiting.remove(sequence);
        self.beside.cancel(sequence);
        if let Some(current) = self.current.take_if(|current| current.head.sequence == sequence) {
            current.turn.give_up();
            if current.streams {
                self.running = nothing_runs();
            } else {
                self.current = Some(current);
            }
        }
    }

    /// The reply that a handler of several replies gave, or the mark of its end, which only a peer
    /// that understands it is sent.
    fn said_reply(&self, said: Said) -> Option<Envelope> {
        let Said { head, what, metadata } = said;
        match what {
            What::Reply(payload) => Some(self.reply(metadata, head, Ok(payload))),
            What::Failed(status) => Some(self.reply(metadata, head, Err(status))),
            What::End => {
                let end = self.phrasing.end(head)?;
                self.tell_sent(head, &end);
                Some(end)
            }
        }
    }

    /// The stream is broken: nothing that still runs could be answered.
    fn abort(&mut self) {
        self.ended = true;
        self.current = None;
        self.running = nothing_runs();
        self.waiting.clear();
        self.beside.abort();
        self.reversed = None;
    }
}
