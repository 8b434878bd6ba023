use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, ready, stream};
use tokio::sync::mpsc;
use tonic::Status;

use super::Shared;
use super::outbox::Epoch;
use crate::wire::Envelope;

/// Calls of the node to this process that may wait until the connection takes them up.
const MAX_CALLS_BACK: usize = 64;

/// What this process sends on one connection: its requests, from the queue of the link, and its
/// answers to the calls of the node.
pub(super) struct Requests {
    shared: Arc<Shared>,
    epoch: Epoch,
    calls: Option<Calls>,
    /// Requests and answers alternate while there are both.
    answers_next: bool,
}

/// The calls of the node to this process.
enum Calls {
    /// There was none yet, so the node may not have said who it is.
    Awaited(mpsc::Receiver<Envelope>),
    Answered(BoxStream<'static, Result<Envelope, Status>>),
}

impl Requests {
    pub(super) const fn new(shared: Arc<Shared>, epoch: Epoch) -> Self {
        Self { shared, epoch, calls: None, answers_next: false }
    }

    /// Where the calls of the node go, if this process handles any.
    pub(super) fn called_back(&mut self) -> Option<mpsc::Sender<Envelope>> {
        self.shared.callee.as_ref()?;
        let (calls, called) = mpsc::channel(MAX_CALLS_BACK);
        self.calls = Some(Calls::Awaited(called));
        Some(calls)
    }

    fn poll_answer(&mut self, task: &mut Context<'_>) -> Poll<Envelope> {
        loop {
            match &mut self.calls {
                None => return Poll::Pending,
                Some(Calls::Awaited(calls)) => {
                    let first = ready!(calls.poll_recv(task));
                    self.calls = self.calls.take().and_then(|calls| self.begin(first?, calls));
                }
                Some(Calls::Answered(answers)) => match ready!(answers.poll_next_unpin(task)) {
                    Some(Ok(answer)) => return Poll::Ready(answer),
                    Some(Err(_)) | None => self.calls = None,
                },
            }
        }
    }

    /// The first call has come: from now on the callee handles them.
    fn begin(&self, first: Envelope, calls: Calls) -> Option<Calls> {
        let Calls::Awaited(rest) = calls else {
            return Some(calls);
        };
        let rest = stream::unfold(rest, async |mut rest| Some((rest.recv().await?, rest)));
        let calls = stream::once(std::future::ready(first)).chain(rest).map(Ok);
        let callee = self.shared.callee.as_ref()?;
        let conversation = callee.handle(self.shared.caller(), Box::pin(calls)).ok()?;
        Some(Calls::Answered(conversation.replies))
    }
}

impl Stream for Requests {
    type Item = Envelope;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Envelope>> {
        let requests = self.get_mut();
        if requests.answers_next
            && let Poll::Ready(answer) = requests.poll_answer(task)
        {
            requests.answers_next = false;
            return Poll::Ready(Some(answer));
        }
        if let Poll::Ready(request) = requests.shared.outbox.poll_pop(requests.epoch, task) {
            requests.answers_next = true;
            return Poll::Ready(request);
        }
        requests.poll_answer(task).map(Some)
    }
}
