//! The learner: executes what is chosen, slot by slot (phase 3), and tells those who wait what came of it.
//!
//! A slot is known to be chosen when a leader says so, and what was accepted in it under the ballot of
//! that leader, or a higher one, is what was chosen: no later ballot can bring another batch.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prost::Message as _;
use quorum_runtime::host;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::Ballot;
use super::log::{Log, Write};
use super::persistence::Persistence;
use crate::error::StoreError;
use crate::map::{Copied, Map, Reader, Snapshot};
use crate::mutant::{Mutant, Mutation};
use crate::paxos::command::Operation;
use crate::paxos::{Batch, Command, Outcome};
use crate::sync::Scrubs;

/// How many bytes of batches are executed at a time.
const STEP: usize = 1 << 20;

/// Clones are handles of the same learner.
#[derive(Clone, Debug)]
pub(crate) struct Learner {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

#[derive(Debug)]
struct Shared {
    chosen: watch::Sender<Chosen>,
    applied: AtomicU64,
    /// Tells those who wait for a slot that it may have been executed. They wake in the order in which they
    /// came, which those of a `watch` do not: a simulation must be the same run each time.
    moved: Notify,
    reader: Reader,
    waiting: Mutex<BTreeMap<u64, Waiting>>,
}

/// What the last leader has said.
#[derive(Clone, Copy, Debug, Default)]
struct Chosen {
    ballot: Ballot,
    slot: u64,
}

/// Who waits for the outcomes of a batch that was proposed under a ballot.
#[derive(Debug)]
struct Waiting {
    ballot: Ballot,
    answers: Vec<oneshot::Sender<Outcome>>,
}

#[derive(Debug)]
enum Request {
    Snapshot(oneshot::Sender<Result<Snapshot, StoreError>>),
    Adopt(Copied, oneshot::Sender<Result<bool, StoreError>>),
    Persist(oneshot::Sender<Result<(), StoreError>>),
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
        let (answer, snapshot) = oneshot::channel();
        let _ending = self.requests.send(Request::Snapshot(answer)).await;
        snapshot.await.unwrap_or_else(|_| Err(ending()))
    }

    /// Goes on with a copy of another node's map, unless that is older than the own, and says whether it
    /// does.
    ///
    /// # Errors
    ///
    /// If the node is ending.
    pub(crate) async fn adopt(&self, copied: Copied) -> Result<bool, StoreError> {
        let (answer, adopted) = oneshot::channel();
        let _ending = self.requests.send(Request::Adopt(copied, answer)).await;
        adopted.await.unwrap_or_else(|_| Err(ending()))
    }

    /// Makes durable what was executed.
    ///
    /// # Errors
    ///
    /// If the node is ending.
    pub(crate) async fn persist(&self) -> Result<(), StoreError> {
        let (answer, persisted) = oneshot::channel();
        let _ending = self.requests.send(Request::Persist(answer)).await;
        persisted.await.unwrap_or_else(|_| Err(ending()))
    }
}

fn ending() -> StoreError {
    StoreError::Io(std::io::Error::other("this node is ending"))
}

impl Shared {
    fn executed(&self, slot: u64) {
        self.applied.store(slot, Ordering::Release);
        self.moved.notify_waiters();
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that owns the map.
struct Execution {
    shared: Arc<Shared>,
    log: Log,
    scrubs: Scrubs,
    mutation: Mutation,
}

/// A slot that was executed.
struct Executed {
    slot: u64,
    ballot: Ballot,
    batch: Batch,
    outcomes: Vec<Outcome>,
}

impl Execution {
    async fn run(self, map: Map, requests: mpsc::Receiver<Request>) {
        if let Err(error) = self.execute(map, requests).await {
            self.log.fail(error);
        }
    }

    async fn execute(
        &self,
        mut map: Map,
        mut requests: mpsc::Receiver<Request>,
    ) -> Result<(), StoreError> {
        let (mut chosen, mut stored) = (self.shared.chosen.subscribe(), self.log.commits());
        let mut persistence = Persistence::new();
        loop {
            let known = *chosen.borrow_and_update();
            stored.borrow_and_update();
            persistence.begin(&mut map);
            let mut is_idle = true;
            if known.slot > map.applied() && persistence.has_room(&map) {
                let log = self.log.clone();
                let done;
                (map, done) = blocking(map, move |map| step(map, &log, known)).await;
                let executed = done?;
                is_idle = executed.is_empty();
                map = self.follow(map, executed).await?;
            }
            tokio::select! { biased;
                request = requests.recv() => match request {
                    Some(request) => map = self.serve(map, request).await?,
                    None => return Ok(()),
                },
                flushed = persistence.next(&mut map) => flushed?,
                _ = chosen.changed() => {}
                _ = stored.changed() => {}
                () = std::future::ready(()), if !is_idle => {}
            }
        }
    }

    /// What follows from slots that were executed.
    async fn follow(&self, mut map: Map, executed: Vec<Executed>) -> Result<Map, StoreError> {
        for Executed { slot, ballot, batch, outcomes } in executed {
            for command in &batch.commands {
                match command.operation {
                    Some(Operation::Trim(to)) => map = self.trim(map, to.min(slot - 1) + 1).await?,
                    Some(Operation::Scrub(id)) => {
                        let snapshot;
                        (map, snapshot) = blocking(map, Map::snapshot).await;
                        self.scrubs.keep(id, snapshot?);
                    }
                    _ => {}
                }
            }
            self.shared.executed(slot);
            let waiting = self.shared.waiting().remove(&slot);
            let answers = waiting.filter(|waiting| waiting.ballot == ballot).map(|w| w.answers);
            for (answer, outcome) in answers.into_iter().flatten().zip(outcomes) {
                // Who no longer waits needs no answer.
                let _gone = answer.send(outcome);
            }
        }
        Ok(map)
    }

    /// Forgets what the map has for good.
    async fn trim(&self, map: Map, first: u64) -> Result<Map, StoreError> {
        let map = if map.durable() + 1 < first { persisted(map).await? } else { map };
        // Whether it is stored is not waited for: the log may be longer than it must be.
        let _failed = self.log.write(Write { first, ..Write::default() }).await;
        Ok(map)
    }

    async fn serve(&self, map: Map, request: Request) -> Result<Map, StoreError> {
        match request {
            Request::Snapshot(answer) => {
                let (map, snapshot) = blocking(map, Map::snapshot).await;
                let _gone = answer.send(snapshot);
                Ok(map)
            }
            Request::Adopt(copied, answer) => {
                let log = self.log.clone();
                let entries = move |from, to| log.entries(from, to, STEP);
                let (map, adopted) = blocking(map, |map| map.adopt(copied, entries)).await;
                if !adopted? {
                    let _gone = answer.send(Ok(false));
                    return Ok(map);
                }
                forget(&self.log, &map, self.mutation.is(Mutant::WipePromise)).await;
                self.shared.executed(map.applied());
                let _gone = answer.send(Ok(true));
                Ok(map)
            }
            Request::Persist(answer) => {
                let map = persisted(map).await?;
                let _gone = answer.send(Ok(()));
                Ok(map)
            }
        }
    }
}

/// Forgets what the log has of slots which the map has from a copy: it may have been accepted without being
/// chosen, and nobody is to be brought that.
async fn forget(log: &Log, map: &Map, wipe: bool) {
    if log.first() > map.base() && !wipe {
        return;
    }
    let write = Write { first: map.base() + 1, wipe, ..Write::default() };
    if let Ok(stored) = log.write(write).await {
        // Where the disk fails, the node ends.
        let _failed = stored.await;
    }
}

/// Executes the next slots that are known to be chosen, if the log has them.
fn step(map: &mut Map, log: &Log, chosen: Chosen) -> Result<Vec<Executed>, StoreError> {
    let next = map.applied() + 1;
    let (mut ballots, mut slots) = (Vec::new(), Vec::new());
    for (slot, entry) in (next..).zip(log.entries(next, chosen.slot, STEP)?) {
        if entry.slot != slot || Ballot(entry.ballot) < chosen.ballot {
            break;
        }
        let batch = Batch::decode(entry.batch).map_err(|error| {
            StoreError::Corrupt(format!("slot {slot} of the log holds no batch: {error}"))
        })?;
        // The snapshot of a scrub is that of its slot.
        let is_scrub = |command: &Command| matches!(command.operation, Some(Operation::Scrub(_)));
        let is_last = batch.commands.iter().any(is_scrub);
        ballots.push(Ballot(entry.ballot));
        slots.push((slot, batch));
        if is_last {
            break;
        }
    }
    if slots.is_empty() {
        return Ok(Vec::new());
    }
    let outcomes = map.execute(&slots)?;
    let executed = slots.into_iter().zip(ballots).zip(outcomes);
    Ok(executed
        .map(|(((slot, batch), ballot), outcomes)| Executed { slot, ballot, batch, outcomes })
        .collect())
}

async fn persisted(map: Map) -> Result<Map, StoreError> {
    let (map, done) = blocking(map, Map::persist).await;
    done.map(|()| map)
}

/// Works on the map where nothing else waits for it.
async fn blocking<T: Send + 'static>(
    mut map: Map,
    work: impl FnOnce(&mut Map) -> T + Send + 'static,
) -> (Map, T) {
    host::blocking(move || {
        let done = work(&mut map);
        (map, done)
    })
    .await
}
