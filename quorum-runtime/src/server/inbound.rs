mod observed;
#[cfg(test)]
mod tests;
mod turns;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::coop;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::Status;

use super::beside::{Begun, Beside};
use super::caller::Caller;
use super::replier::{Said, What};
use super::reply::Phrasing;
use super::running::Places;
use super::stop::Watch;
use super::turn::Turn;
use super::waiting::Waiting;
use crate::link::Reversed;
use crate::observe::{Line, OpenLine};
use crate::wire::Envelope;

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
    /// Where handlers run while they hold the turn.
    places: Places,
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
    drain: Watch,
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
            places: Places::default(),
            turn: None,
            waiting: Waiting::new(limits.waiting, limits.waiting_bytes),
            beside: Beside::new(limits.released, limits.released_bytes),
            said,
            speak,
            speaks: false,
            reversed: None,
            ended: false,
            drain: caller.host.stop.watch_drain(),
            _running: caller.host.stop.running.token(),
            caller,
            line,
        }
    }

    /// Carries the calls of this server to the caller as well, on the same stream.
    pub(super) fn with_calls(self, reversed: Reversed) -> Self {
        Self { reversed: Some(reversed), ..self }
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
        if let Poll::Ready(event) = self.poll_turn(task) {
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

    /// The next request, where there is room to read one and the server goes on.
    fn poll_request(&mut self, task: &mut Context<'_>) -> Poll<Event> {
        if !self.waiting.has_room() {
            return Poll::Pending;
        }
        while !self.drain.was_given() {
            let Poll::Ready(request) = self.requests.poll_next_unpin(task) else {
                if self.drain.is_given(task) {
                    break;
                }
                return Poll::Pending;
            };
            match request {
                Some(Ok(request)) => match self.accept(request, task) {
                    // Its handler waits. What comes behind may need no turn.
                    Poll::Pending => {}
                    event => return event,
                },
                Some(Err(status)) => {
                    self.abort();
                    return Poll::Ready(Event::Says(Err(status)));
                }
                // The caller ended its side: what it asked before is still answered.
                None => break,
            }
        }
        self.ended = true;
        Poll::Ready(Event::Progress)
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
        self.places = Places::default();
        self.waiting.clear();
        self.beside.abort();
        self.reversed = None;
    }
}
