//! The requests of one caller take turns.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::metadata::MetadataMap;

use super::{Event, Inbound};
use crate::server::beside::Begun;
use crate::server::call::Call;
use crate::server::replier::Outlet;
use crate::server::reply::ReplyHead;
use crate::server::running::Running;
use crate::server::service::Outcome;
use crate::server::turn::Turn;
use crate::server::waiting::Accepted;
use crate::wire::{self, Envelope};

/// Everything here is pending only where nothing has changed for what was asked before in the same round.
impl<S> Inbound<S> {
    /// Begins to handle a request, or lets it wait for its turn. A request for a method that is not
    /// there is answered at once.
    #[inline]
    pub(super) fn accept(&mut self, request: Envelope, task: &mut Context<'_>) -> Poll<Event> {
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
        let registry = &self.caller.host.registry;
        let Some(id) = registry.find(&request.method) else {
            return Poll::Ready(Event::Says(Ok(self.refuse_unknown(request))));
        };
        let handler = registry.handler(id);
        let is_free = self.current.is_none() && self.waiting.is_empty();
        let waits = (handler.ordered && !is_free) || self.beside.is_full();
        // For one that has just come the clock needs no further look.
        let came_late = request.timeout.is_some_and(|timeout| timeout.is_zero());
        let request = Accepted::new(request, id);
        if waits {
            self.waiting.push(request);
            return Poll::Ready(Event::Progress);
        }
        if came_late {
            return Poll::Ready(self.refuse_late(&request));
        }
        self.begin(request, task)
    }

    /// Runs the request that holds the turn, or the next one that waits for it.
    pub(super) fn poll_turn(&mut self, task: &mut Context<'_>) -> Poll<Event> {
        if let Some(request) = self.current.take() {
            return self.run(request, task);
        }
        if self.waiting.is_empty() || self.beside.is_full() {
            return Poll::Pending;
        }
        match self.waiting.pop() {
            Some(request) if request.is_late() => Poll::Ready(self.refuse_late(&request)),
            Some(request) => self.begin(request, task),
            None => Poll::Pending,
        }
    }

    /// Gives the turn to a request and runs it, unless its method takes no turns.
    fn begin(&mut self, request: Accepted, task: &mut Context<'_>) -> Poll<Event> {
        let Accepted { sequence, entries, payload, deadline, handler: id } = request;
        let handler = self.caller.host.registry.handler(id);
        let head = ReplyHead { sequence, method: handler.name };
        let mut metadata = None;
        if !entries.is_empty() {
            if let Err(refusal) = self.caller.host.limits.metadata.check(&entries) {
                return Poll::Ready(self.ended(head, None, Some(Err(refusal))));
            }
            metadata = Some(wire::metadata_of(entries));
        }
        let turn = self.turn.take().unwrap_or_else(|| Arc::new(Turn::of(Arc::clone(&self.caller))));
        let call = Call::new(Arc::clone(&turn), handler.name, metadata, deadline);
        let observed = self.observe_handler(head);
        let (ordered, streams, bytes) = (handler.ordered, handler.streams(), payload.len());
        let mut beside = Running::default();
        let running = if ordered { self.places.of(id) } else { &mut beside };
        let outlet = || Outlet::new(head, self.speak.clone()).beside(&turn);
        handler.begin(call, payload, outlet, running);
        if let Some(observed) = observed {
            let handled = mem::take(running);
            running.set(head.method, observed.run(handled));
        }
        let request = Begun { head, handler: id, turn, streams, bytes };
        self.speaks |= streams;
        if !ordered {
            self.beside.add(request, beside);
            return Poll::Ready(Event::Progress);
        }
        match self.run(request, task) {
            // What it has said is to be asked for.
            Poll::Pending if streams => Poll::Ready(Event::Progress),
            polled => polled,
        }
    }

    /// Runs the handler that holds the turn, until it has ended or released.
    fn run(&mut self, request: Begun, task: &mut Context<'_>) -> Poll<Event> {
        let running = self.places.of(request.handler);
        if let Poll::Ready(outcome) = running.poll(task) {
            let Begun { head, turn, .. } = request;
            let metadata = outcome.as_ref().and_then(|_| turn.take_reply_metadata());
            self.keep(turn);
            return Poll::Ready(self.ended(head, metadata, outcome));
        }
        if request.turn.is_released(task) {
            let running = mem::take(running);
            self.tell_released(request.head);
            self.beside.add(request, running);
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
    pub(super) fn ended(
        &self,
        head: ReplyHead,
        metadata: Option<MetadataMap>,
        outcome: Outcome,
    ) -> Event {
        outcome
            .map_or(Event::Progress, |outcome| Event::Says(Ok(self.reply(metadata, head, outcome))))
    }

    /// A request whose time was over before its turn came is not begun.
    fn refuse_late(&self, request: &Accepted) -> Event {
        let method = self.caller.host.registry.handler(request.handler).name;
        let late = Status::deadline_exceeded("the deadline had passed before its turn came");
        self.ended(ReplyHead { sequence: request.sequence, method }, None, Some(Err(late)))
    }

    /// The caller wants to hear no more of a call. What waits is not begun; a handler that may reply
    /// several times stops where it waits; any other is told, and left to finish what it has begun.
    fn cancel(&mut self, sequence: u64) {
        self.waiting.remove(sequence);
        self.beside.cancel(sequence);
        if let Some(current) = self.current.take_if(|current| current.head.sequence == sequence) {
            current.turn.give_up();
            if current.streams {
                self.places.of(current.handler).clear();
            } else {
                self.current = Some(current);
            }
        }
    }
}
