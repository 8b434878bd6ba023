//! Executing what is chosen, slot by slot, by the one task that owns the map, which then tells those who
//! wait what came of it. A request that needs the map has its turn between two steps.

use std::sync::Arc;

use prost::Message as _;
use quorum_runtime::host;
use tokio::sync::{mpsc, oneshot};

use super::Ballot;
use super::learner::{Chosen, Shared};
use super::log::{Log, Write};
use crate::error::StoreError;
use crate::map::{Copied, Map, Persistence, Snapshot};
use crate::mutant::{Mutant, Mutation};
use crate::paxos::command::Operation;
use crate::paxos::{Batch, Command, Outcome};
use crate::sync::Scrubs;

/// How many bytes of batches are executed at a time.
const STEP: usize = 1 << 20;

/// What is asked of the map.
#[derive(Debug)]
pub(super) enum Request {
    Snapshot(Answer<Snapshot>),
    Adopt(Copied, Answer<bool>),
    Persist(Answer<()>),
}

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// The task that owns the map.
pub(super) struct Execution {
    pub(super) shared: Arc<Shared>,
    pub(super) log: Log,
    pub(super) scrubs: Scrubs,
    pub(super) mutation: Mutation,
}

/// A slot that was executed.
struct Executed {
    slot: u64,
    ballot: Ballot,
    batch: Batch,
    outcomes: Vec<Outcome>,
}

impl Execution {
    /// Runs until nobody asks any longer, or the disk fails: then the node ends.
    pub(super) async fn run(self, map: Map, requests: mpsc::Receiver<Request>) {
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
            for (answer, outcome) in self.shared.waiting_for(slot, ballot).into_iter().zip(outcomes)
            {
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
                let adopted = adopted?;
                if adopted {
                    forget(&self.log, &map, self.mutation.is(Mutant::WipePromise)).await;
                    self.shared.executed(map.applied());
                }
                let _gone = answer.send(Ok(adopted));
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
pub(super) async fn forget(log: &Log, map: &Map, wipe: bool) {
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
