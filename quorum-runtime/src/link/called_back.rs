use std::sync::Arc;

use futures::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::wire::Envelope;

/// Calls of a node to this process that may wait until the connection takes them up, and their
/// bytes.
const MAX_CALLS: usize = 1024;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Where the calls of a node to this process go.
///
/// They share the stream with the replies of the node, so they are never waited with: what finds no
/// room is refused.
#[derive(Debug)]
pub(super) struct CalledBack {
    calls: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

/// A call, and the room that it takes until it is handled.
#[derive(Debug)]
struct Waiting {
    call: Envelope,
    _room: OwnedSemaphorePermit,
}

/// The other end of [`CalledBack`].
#[derive(Debug)]
pub(super) struct Calls(mpsc::Receiver<Waiting>);

pub(super) fn called_back() -> (CalledBack, Calls) {
    let (calls, waiting) = mpsc::channel(MAX_CALLS);
    (CalledBack { calls, room: Arc::new(Semaphore::new(MAX_BYTES)) }, Calls(waiting))
}

impl CalledBack {
    /// Lets a call wait, or gives it back if there is no room.
    pub(super) fn push(&self, call: Envelope) -> Option<Envelope> {
        // A call larger than all the room there is takes all of it.
        let bytes = call.encoded_len().clamp(1, MAX_BYTES) as u32;
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(bytes) else {
            return Some(call);
        };
        let refused = self.calls.try_send(Waiting { call, _room: room }).err()?;
        Some(refused.into_inner().call)
    }
}

impl Calls {
    pub(super) async fn next(&mut self) -> Option<Envelope> {
        self.0.recv().await.map(|waiting| waiting.call)
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Envelope> + Send {
        stream::unfold(self, async |mut calls| Some((calls.next().await?, calls)))
    }
}
