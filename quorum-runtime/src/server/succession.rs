use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use tonic::Status;

use crate::wire::{Envelope, StreamId};

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
struct Slot(Mutex<Option<Replies>>);

type Replies = BoxStream<'static, Result<Envelope, Status>>;

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
        replies: Replies,
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

impl Stream for Current {
    type Item = Result<Envelope, Status>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut replies = self.slot.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *replies {
            Some(replies) => replies.poll_next_unpin(task),
            None => Poll::Ready(Some(Err(Status::aborted("a newer stream has taken the place")))),
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
    use futures::{FutureExt as _, stream};

    use super::*;

    /// Replies that never come, and who holds them.
    fn endless() -> (Arc<()>, Replies) {
        let held = Arc::new(());
        let holder = Arc::clone(&held);
        (held, stream::pending().map(move |reply| (reply, &holder).0).boxed())
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
        assert!(first.next().now_or_never().is_none());
        let (_, second) = next(&succession, 2).await;
        let second = second.unwrap();
        assert_eq!(Arc::strong_count(&held), 1, "the first was dropped");
        let ended = first.next().now_or_never().flatten().unwrap();
        assert_eq!(ended.unwrap_err().code(), tonic::Code::Aborted);
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
