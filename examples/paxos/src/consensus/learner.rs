//! The learner: executes what is chosen, slot by slot (phase 3), and tells those who wait what came of it.
//!
//! A slot is known to be chosen when a leader says so, and what was accepted in it under the ballot of
//! that leader, or a higher one, is what was chosen: no later ballot can bring another batch.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prost::Message as _;
use quorum_runtime::host;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::Ballot;
use super::log::{Log, Write};
use crate::error::StoreError;
use crate::map::{Copied, Map, Reader, Snapshot};
use crate::mutant::{Mutant, Mutation};
use crate::paxos::command::Operation;
use crate::paxos::{Batch, Command, Outcome};
use crate::sync::Scrubs;

/// How many bytes of batches are executed at a time.
const STEP: usize = 1 << 20;

/// How long after it was executed a slot is made durable in the map. Until then the log has it. Nothing is
/// executed meanwhile, so it is done the more often the longer it takes, and less often when that is short.
const PERSIST: RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_secs(2);

/// How long it should take.
const PAUSE: Duration = Duration::from_millis(10);

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
}

impl Learner {
    /// Executes what `log` has on a map, until all handles are gone or the disk fails.
    pub(crate) fn start(
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
        let mut wait = *PERSIST.end();
        let mut persist = Instant::now() + wait;
        loop {
            let known = *chosen.borrow_and_update();
            stored.borrow_and_update();
            if known.slot > map.applied() {
                let log = self.log.clone();
                let done;
                (map, done) = blocking(map, move |map| step(map, &log, known)).await;
                let executed = done?;
                if !executed.is_empty() {
                    map = self.follow(map, executed).await?;
                    continue;
                }
            }
            let is_durable = map.durable() == map.applied();
            tokio::select! { biased;
                request = requests.recv() => match request {
                    Some(request) => map = self.serve(map, request).await?,
                    None => return Ok(()),
                },
                _ = chosen.changed() => {}
                _ = stored.changed() => {}
                () = sleep_until(persist), if !is_durable => {
                    let began = Instant::now();
                    map = persisted(map).await?;
                    let rate = if began.elapsed() > PAUSE { 0.7 } else { 1.2 };
                    wait = wait.mul_f64(rate).clamp(*PERSIST.start(), *PERSIST.end());
                    persist = Instant::now() + wait;
                }
            }
        }
    }

    /// What follows from slots that were executed.
    async fn follow(&self, mut map: Map, executed: Vec<Executed>) -> Result<Map, StoreError> {
        for Executed { slot, ballot, batch, outcomes } in executed {
            for command in &batch.commands {
                match command.operation {
                    Some(Operation::Trim(to)) => map = self.trim(map, to.min(slot - 1) + 1).await?,
                    Some(Operation::Scrub(id)) => self.scrubs.keep(id, map.snapshot()?),
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
        let early = self.mutation.is(Mutant::TrimBeforeDurable);
        let map = if early { map } else { persisted(map).await? };
        // Whether it is stored is not waited for: the log may be longer than it must be.
        let _failed = self.log.write(Write { first, ..Write::default() }).await;
        Ok(map)
    }

    async fn serve(&self, map: Map, request: Request) -> Result<Map, StoreError> {
        match request {
            Request::Snapshot(answer) => {
                let (map, snapshot) = blocking(map, |map| map.snapshot()).await;
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
                let (first, wipe) = (map.applied() + 1, self.mutation.is(Mutant::WipePromise));
                let _failed = self.log.write(Write { first, wipe, ..Write::default() }).await;
                self.shared.executed(map.applied());
                let _gone = answer.send(Ok(true));
                Ok(map)
            }
        }
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
