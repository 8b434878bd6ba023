use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use tonic::Status;

use crate::transport::Body;
use crate::wire::{self, StreamId};

/// The streams of clients that say which of their streams they are.
///
/// A client that has lost its connection opens another one, and the node may not have noticed that
/// the first is gone: what it has read there and not begun would come behind what is sent now. So a
/// stream ends those before it on the same link, and begins when they have ended.
#[derive(Debug, Default)]
pub(super) struct Succession(Mutex<BTreeMap<Link, Streams>>);

/// A link, as its node knows it.
type Link = (Option<IpAddr>, u64);

/// Those that may not have ended, and the number of the newest.
#[derive(Debug, Default)]
struct Streams {
    newest: u64,
    slots: Vec<Weak<Slot>>,
}

/// The replies of one stream, until another one takes its place.
///
/// The lock is held while the stream is at work, and not while it waits. Nobody waits for the lock:
/// who ends the stream comes back until it is free.
struct Slot(Mutex<Option<Body>>);

impl Succession {
    /// Gives a stream its place, when those before it on the link have ended.
    ///
    /// # Errors
    ///
    /// When a newer stream of the link is there already.
    pub(super) async fn succeed(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        stream: StreamId,
        replies: Body,
    ) -> Result<Current, Status> {
        let slot = Arc::new(Slot(Mutex::new(Some(replies))));
        let link = (address, stream.link);
        let before = {
            let mut links = self.lock();
            let streams = links.entry(link).or_default();
            if streams.newest >= stream.number {
                return Err(Status::aborted("a newer stream of this client is open"));
            }
            streams.newest = stream.number;
            let before: Vec<_> = streams.slots.iter().filter_map(Weak::upgrade).collect();
            streams.slots = before.iter().chain([&slot]).map(Arc::downgrade).collect();
            before
        };
        let current = Current { succession: Arc::clone(self), link, number: stream.number, slot };
        for before in before {
            before.end().await;
        }
        Ok(current)
    }

    // A panic while the lock is held leaves whole values behind.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Link, Streams>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Drops the stream, and with it the handlers that it runs, as soon as it is not at work.
    async fn end(&self) {
        while !self.try_end() {
            tokio::task::yield_now().await;
        }
    }

    fn try_end(&self) -> bool {
        let ended = match self.0.try_lock() {
            Ok(mut replies) => replies.take(),
            Err(TryLockError::Poisoned(replies)) => replies.into_inner().take(),
            Err(TryLockError::WouldBlock) => return false,
        };
        // With the lock released.
        drop(ended);
        true
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

/// A stream in its place: its replies, until another stream takes the place.
pub(super) struct Current {
    succession: Arc<Succession>,
    link: Link,
    number: u64,
    slot: Arc<Slot>,
}

impl http_body::Body for Current {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut replies = self.slot.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *replies {
            Some(replies) => Pin::new(replies).poll_frame(task),
            None => {
                let status = Status::aborted("a newer stream has taken the place");
                Poll::Ready(Some(Ok(wire::trailers(&status))))
            }
        }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        let mut links = self.succession.lock();
        if links.get(&self.link).is_some_and(|streams| streams.newest == self.number) {
            links.remove(&self.link);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    /// Replies that never come, and who holds them.
    fn endless() -> (Arc<()>, Body) {
        let held = Arc::new(());
        let holder = Arc::clone(&held);
        let frames = futures::stream::poll_fn(move |_| {
            let _held = &holder;
            Poll::<Option<Result<Frame<Bytes>, Status>>>::Pending
        });
        (held, Body::new(StreamBody::new(frames)))
    }

    async fn next(succession: &Arc<Succession>, number: u64) -> (Arc<()>, Result<Current, Status>) {
        let (held, replies) = endless();
        let stream = StreamId { link: 7, number };
        (held, succession.succeed(None, stream, replies).await)
    }

    #[tokio::test]
    async fn a_stream_ends_those_before_it_on_its_link() {
        let succession = Arc::new(Succession::default());
        let (held, first) = next(&succession, 1).await;
        let mut first = first.unwrap();
        assert!(first.frame().now_or_never().is_none());
        let (_, second) = next(&succession, 2).await;
        let second = second.unwrap();
        assert_eq!(Arc::strong_count(&held), 1, "the first was dropped");
        let ended = first.frame().now_or_never().flatten().unwrap().unwrap();
        assert_eq!(ended.into_trailers().unwrap()["grpc-status"], "10", "aborted");
        drop(first);
        let (_, late) = next(&succession, 1).await;
        assert!(late.is_err(), "the second is still there");
        drop(second);
        assert!(succession.lock().is_empty());
    }

    #[tokio::test]
    async fn streams_of_other_links_and_addresses_stay() {
        let succession = Arc::new(Succession::default());
        let (held, first) = next(&succession, 1).await;
        let _first = first.unwrap();
        let elsewhere = Some([10, 0, 0, 1].into());
        for (address, link) in [(None, 8), (elsewhere, 7)] {
            let stream = StreamId { link, number: 2 };
            let _other = succession.succeed(address, stream, endless().1).await.unwrap();
        }
        assert_eq!(Arc::strong_count(&held), 2);
    }
}
