//! The learner: what a node knows to be chosen (phase 3), and how far it has executed that.
//!
//! A slot is known to be chosen when a leader says so, and what was accepted in it under the ballot of
//! that leader, or a higher one, is what was chosen: no later ballot can bring another batch.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::execution::{Answer, Execution, Request, forget};
use super::{Ballot, Log};
use crate::error::StoreError;
use crate::map::{Copied, Map, Reader, Snapshot};
use crate::mutant::Mutation;
use crate::paxos::Outcome;
use crate::sync::Scrubs;

/// Clones are handles of the same learner.
#[derive(Clone, Debug)]
pub(crate) struct Learner {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

/// What the task that executes knows too.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) chosen: watch::Sender<Chosen>,
    applied: AtomicU64,
    /// Tells those who wait for a slot that it may have been executed. They wake in the order in which they
    /// came, which those of a `watch` do not: a simulation must be the same run each time.
    moved: Notify,
    reader: Reader,
    waiting: Mutex<BTreeMap<u64, Waiting>>,
}

/// What the last leader has said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chosen {
    pub(super) ballot: Ballot,
    pub(super) slot: u64,
}

/// Who waits for the outcomes of a batch that was proposed under a ballot.
#[derive(Debug)]
struct Waiting {
    ballot: Ballot,
    answers: Vec<oneshot::Sender<Outcome>>,
}

impl Learner {
    /// Executes what `log` has on a map, until all handles are gone or the disk fails.
    ///
    /// # Errors
    ///
    /// If the two do not belong together.
    pub(crate) async fn start(
        map: Map,
        log: Log,
        scrubs: Scrubs,
        mutation: Mutation,
    ) -> Result<Self, StoreError> {
        if log.first() > map.durable() + 1 {
            return Err(StoreError::Corrupt(format!(
                "the log begins with slot {}, and the map ends with slot {}: one of the two files is not of this \
                 folder",
                log.first(),
                map.durable()
            )));
        }
        forget(&log, &map, false).await;
        let (requests, asked) = mpsc::channel(8);
        let shared = Arc::new(Shared {
            chosen: watch::Sender::default(),
            applied: AtomicU64::new(map.applied()),
            moved: Notify::new(),
            reader: map.reader(),
            waiting: Mutex::default(),
        });
        let execution = Execution { shared: Arc::clone(&shared), log, scrubs, mutation };
        tokio::spawn(execution.run(map, asked));
        Ok(Self { shared, requests })
    }

    /// The leader of this ballot says that all slots up to this one are chosen.
    pub(crate) fn chosen(&self, ballot: Ballot, slot: u64) {
        self.shared.chosen.send_if_modified(|known| {
            let is_news = (known.ballot, known.slot) < (ballot, slot);
            if is_news {
                *known = Chosen { ballot, slot };
            }
            is_news
        });
    }

    /// Those who proposed a batch under a ballot wait for what comes of it. If another batch is chosen in
    /// the slot, they are told nothing.
    pub(crate) fn answer(&self, slot: u64, ballot: Ballot, answers: Vec<oneshot::Sender<Outcome>>) {
        self.shared.waiting().insert(slot, Waiting { ballot, answers });
    }

    /// Nobody waits any longer.
    pub(crate) fn forget_waiting(&self) {
        self.shared.waiting().clear();
    }

    /// Up to where the last leader has said that all is chosen.
    pub(crate) fn known(&self) -> u64 {
        self.shared.chosen.borrow().slot
    }

    /// The last slot that was executed.
    pub(crate) fn applied(&self) -> u64 {
        self.shared.applied.load(Ordering::Acquire)
    }

    /// Waits until a slot was executed.
    pub(crate) async fn reached(&self, slot: u64) {
        loop {
            let moved = self.shared.moved.notified();
            if self.applied() >= slot {
                return;
            }
            moved.await;
        }
    }

    /// Reads the map as it is.
    pub(crate) fn reader(&self) -> Reader {
        self.shared.reader.clone()
    }

    /// The map as it is after some slot.
    ///
    /// # Errors
    ///
    /// If the disk fails, or the node is ending.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.ask(Request::Snapshot).await
    }

    /// Goes on with a copy of another node's map, unless that is older than the own, and says whether it
    /// does.
    ///
    /// # Errors
    ///
    /// If the node is ending.
    pub(crate) async fn adopt(&self, copied: Copied) -> Result<bool, StoreError> {
        self.ask(|answer| Request::Adopt(copied, answer)).await
    }

    /// Makes durable what was executed.
    ///
    /// # Errors
    ///
    /// If the node is ending.
    pub(crate) async fn persist(&self) -> Result<(), StoreError> {
        self.ask(Request::Persist).await
    }

    async fn ask<T>(&self, ask: impl FnOnce(Answer<T>) -> Request) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let _ending = self.requests.send(ask(answer)).await;
        let ending = || StoreError::Io(std::io::Error::other("this node is ending"));
        answered.await.unwrap_or_else(|_| Err(ending()))
    }
}

impl Shared {
    pub(super) fn executed(&self, slot: u64) {
        self.applied.store(slot, Ordering::Release);
        self.moved.notify_waiters();
    }

    /// Who waits for what comes of a batch that was chosen in a slot, under the ballot of its acceptance.
    pub(super) fn waiting_for(&self, slot: u64, ballot: Ballot) -> Vec<oneshot::Sender<Outcome>> {
        let waiting = self.waiting().remove(&slot).filter(|waiting| waiting.ballot == ballot);
        waiting.map(|waiting| waiting.answers).unwrap_or_default()
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
