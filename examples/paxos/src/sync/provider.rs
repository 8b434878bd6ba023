//! The provider of copies. It is almost stateless (4.4): for each cookie a snapshot, and when nobody has
//! asked for it for long enough, nothing. How far a requester is, the requester says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorum_runtime::{Status, host};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::internal;
use crate::config::CHUNK_KEYS;
use crate::consensus::{Learner, Log};
use crate::error::StoreError;
use crate::map::Snapshot;
use crate::paxos::{Cookie, Entry, OpenCopyReply, Pair, PullReply, PullRequest};

/// After how long without a request a cookie is forgotten.
pub(super) const EXPIRY: Duration = Duration::from_secs(120);

/// How many copies are given at a time.
const MAX_COPIES: usize = 4;

/// How large a chunk gets before no more is added, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// Clones are handles of the same.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    incarnation: u64,
    learner: Learner,
    log: Log,
    copies: Arc<Mutex<Copies>>,
}

#[derive(Debug, Default)]
struct Copies {
    open: BTreeMap<u64, Copy>,
    opened: u64,
    /// How many copies this node makes itself: then it gives none.
    closed: u32,
}

#[derive(Clone, Debug)]
struct Copy {
    snapshot: Arc<Snapshot>,
    expires: Instant,
    /// One chunk is made at a time, so that memory is bounded by the copies.
    turn: Arc<Semaphore>,
}

/// Gives no copies while there is one of these.
#[derive(Debug)]
pub(super) struct Closed(Provider);

impl Provider {
    pub(super) fn new(incarnation: u64, learner: Learner, log: Log) -> Self {
        Self { incarnation, learner, log, copies: Arc::default() }
    }

    /// Begins a copy of the map as it is now.
    pub(super) async fn open(&self) -> Result<OpenCopyReply, Status> {
        self.copies().room()?;
        let snapshot = Arc::new(self.learner.snapshot().await.map_err(internal)?);
        let number = {
            let mut copies = self.copies();
            copies.room()?;
            copies.opened += 1;
            let (number, turn) = (copies.opened, Arc::new(Semaphore::new(1)));
            let copy = Copy { snapshot: Arc::clone(&snapshot), expires: expiry(), turn };
            copies.open.insert(number, copy);
            number
        };
        let slot = snapshot.applied();
        let read = host::blocking(move || Ok((snapshot.keys()?, snapshot.sessions()?)));
        let (keys, sessions) = read.await.map_err(internal)?;
        let cookie = Some(Cookie { incarnation: self.incarnation, number });
        Ok(OpenCopyReply { cookie, slot, keys, sessions })
    }

    /// The next chunk: what was chosen since the last one first, because that may be trimmed.
    pub(super) async fn pull(&self, request: PullRequest) -> Result<PullReply, Status> {
        let PullRequest { cookie, after_key, after_slot, keys } = request;
        let copy = self.copy(cookie.unwrap_or_default())?;
        let Ok(_turn) = copy.turn.try_acquire() else {
            return Err(Status::unavailable("the chunk before this one is still being made"));
        };
        let applied = self.learner.applied();
        let mut commits = Vec::new();
        if (1..applied).contains(&after_slot) {
            commits = self.log.read(after_slot + 1, applied, CHUNK_BYTES).await?;
            if commits.is_empty() || !follow(after_slot, &commits) {
                let trimmed = "the log was trimmed past what this copy still needs";
                return Err(Status::not_found(trimmed));
            }
        }
        let reached = commits.last().map_or(applied.min(after_slot), |entry| entry.slot);
        let bytes = commits.iter().map(|entry| entry.batch.len()).sum();
        let snapshot = Arc::clone(&copy.snapshot);
        let chunk = host::blocking(move || chunk(&snapshot, &after_key, keys, bytes));
        let (pairs, is_end) = chunk.await.map_err(internal)?;
        let last = is_end && (after_slot == 0 || reached >= applied);
        Ok(PullReply { commits, pairs, last })
    }

    pub(super) fn close(&self, cookie: Cookie) {
        if cookie.incarnation == self.incarnation {
            self.copies().open.remove(&cookie.number);
        }
    }

    /// Drops all copies and gives none, while this node makes one itself.
    pub(super) fn closed(&self) -> Closed {
        let mut copies = self.copies();
        copies.open.clear();
        copies.closed += 1;
        drop(copies);
        Closed(self.clone())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.copies().closed > 0
    }

    /// Drops the copies that nobody asks for any longer.
    pub(super) fn forget(&self) {
        self.copies().open.retain(|_, copy| copy.expires > Instant::now());
    }

    /// How many snapshots it keeps.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.copies().open.len()
    }

    /// A copy that is still there, and stays for a while.
    fn copy(&self, cookie: Cookie) -> Result<Copy, Status> {
        self.forget();
        let mut copies = self.copies();
        let is_own = cookie.incarnation == self.incarnation;
        let copy = copies.open.get_mut(&cookie.number).filter(|_| is_own);
        let copy = copy.ok_or_else(|| Status::not_found("this node has no such copy any more"))?;
        copy.expires = expiry();
        Ok(copy.clone())
    }

    fn copies(&self) -> MutexGuard<'_, Copies> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copies {
    fn room(&mut self) -> Result<(), Status> {
        if self.closed > 0 {
            return Err(Status::failed_precondition("this node copies a store itself"));
        }
        self.open.retain(|_, copy| copy.expires > Instant::now());
        if self.open.len() >= MAX_COPIES {
            return Err(Status::resource_exhausted("this node gives as many copies as it may"));
        }
        Ok(())
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.copies().closed -= 1;
    }
}

fn expiry() -> Instant {
    Instant::now() + EXPIRY
}

/// Whether these are the entries behind a slot, without a gap.
fn follow(slot: u64, entries: &[Entry]) -> bool {
    (slot + 1..).zip(entries).all(|(expected, entry)| expected == entry.slot)
}

/// The pairs behind a key that go into a chunk which has so many bytes already, and whether they are all.
pub(super) fn chunk(
    snapshot: &Snapshot,
    after: &str,
    keys: u32,
    mut bytes: usize,
) -> Result<(Vec<Pair>, bool), StoreError> {
    let (mut pairs, mut is_end) = (Vec::new(), true);
    let keys = keys.clamp(1, CHUNK_KEYS) as usize;
    snapshot.read(after, |key, value| {
        is_end = bytes < CHUNK_BYTES && pairs.len() < keys;
        if is_end {
            bytes += key.len() + value.len();
            pairs.push(Pair { key: key.to_owned(), value: value.to_owned() });
        }
        is_end
    })?;
    Ok((pairs, is_end))
}
