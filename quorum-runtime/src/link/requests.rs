use std::future::{Future as _, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready as poll_ready};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, stream};
use tonic::Status;

use super::Shared;
use super::called_back::{CalledBack, Calls, called_back};
use super::outbox::Epoch;
use crate::wire::{Envelope, StreamId};

/// What this process sends on one connection: its requests, from the queue of the link, and its
/// answers to the calls of the node.
pub(super) struct Requests {
    shared: Arc<Shared>,
    epoch: Epoch,
    handling: Option<Handling>,
    /// Requests and answers alternate while there are both.
    answers_next: bool,
}

/// The calls of the node to this process.
enum Handling {
    /// There was none yet, so the node may not have said who it is.
    Awaited(Calls),
    Answered(BoxStream<'static, Result<Envelope, Status>>),
}

impl Requests {
    pub(super) const fn new(shared: Arc<Shared>, epoch: Epoch) -> Self {
        Self { shared, epoch, handling: None, answers_next: false }
    }

    /// Which of the streams of its link this is.
    pub(super) fn stream(&self) -> StreamId {
        StreamId { link: self.shared.id, number: self.epoch.number() }
    }

    /// Where the calls of the node go, if this process handles any.
    pub(super) fn called_back(&mut self) -> Option<CalledBack> {
        self.shared.callee.as_ref()?;
        let (called_back, calls) = called_back();
        self.handling = Some(Handling::Awaited(calls));
        Some(called_back)
    }

    fn poll_answer(&mut self, task: &mut Context<'_>) -> Poll<Envelope> {
        loop {
            match &mut self.handling {
                None => return Poll::Pending,
                Some(Handling::Awaited(calls)) => {
                    let first = poll_ready!(pin!(calls.next()).poll(task));
                    let handling = self.handling.take();
                    self.handling = handling.and_then(|handling| self.begin(first?, handling));
                }
                Some(Handling::Answered(answers)) => {
                    match poll_ready!(answers.poll_next_unpin(task)) {
                        Some(Ok(answer)) => return Poll::Ready(answer),
                        Some(Err(_)) | None => self.handling = None,
                    }
                }
            }
        }
    }

    /// The first call has come: from now on the callee handles them.
    fn begin(&self, first: Envelope, handling: Handling) -> Option<Handling> {
        let Handling::Awaited(rest) = handling else {
            return Some(handling);
        };
        let calls = stream::once(ready(first)).chain(rest.into_stream()).map(Ok);
        let callee = self.shared.callee.as_ref()?;
        let conversation = callee.handle(self.shared.caller(), Box::pin(calls)).ok()?;
        Some(Handling::Answered(conversation.replies))
    }
}

impl Stream for Requests {
    type Item = Result<Envelope, Status>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let requests = self.get_mut();
        if requests.answers_next
            && let Poll::Ready(answer) = requests.poll_answer(task)
        {
            requests.answers_next = false;
            return Poll::Ready(Some(Ok(answer)));
        }
        if let Poll::Ready(request) = requests.shared.outbox.poll_pop(requests.epoch, task) {
            requests.answers_next = true;
            return Poll::Ready(request.map(Ok));
        }
        requests.poll_answer(task).map(|answer| Some(Ok(answer)))
    }
}
