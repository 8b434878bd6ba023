//! What executing the log makes: the pairs and the sessions, as of the last slot.
//!
//! Executing changes what is in memory, and is not held up by the disk. A flush writes what has changed to
//! the store, beside it; in a crash the log has what was not flushed.

use std::sync::Arc;

use example_support::store::Store;
use redb::{Durability, ReadOnlyTable, WriteTransaction};

use super::changes::Changes;
use super::limits;
use super::sessions::{Sessions, Turn};
use super::stored::{self, MAP, Stored};
use super::view::{Shared, View};
use crate::error::{StoreError, corrupt, failed};
use crate::mutant::{Mutant, Mutation};
use crate::paxos::command::Operation;
use crate::paxos::{Batch, Command, Entry, Outcome, outcome};

/// The state of one node, or a copy of another's that is being made.
#[derive(Debug)]
pub(super) struct State {
    pub(super) view: Shared,
    sessions: Sessions,
    applied: u64,
    durable: u64,
    /// The slot as of which it was copied.
    pub(super) base: u64,
    mutation: Mutation,
}

/// Makes what was executed durable, while executing goes on.
#[derive(Debug)]
pub(super) struct Flush {
    changes: Arc<Changes>,
    stored: Arc<Stored>,
}

impl Flush {
    /// Gives what is then to be told to [`flushed`](super::Map::flushed).
    pub(super) fn run(self) -> Result<Flushed, StoreError> {
        self.stored.write(&self.changes, Durability::Immediate, |_| Ok(())).map(Flushed)
    }
}

/// That a state is durable, as of a slot.
#[derive(Debug)]
pub(super) struct Flushed(u64);

impl State {
    /// The state in a store.
    pub(super) fn load(store: Store, mutation: Mutation) -> Result<Self, StoreError> {
        let read = store.begin_read().map_err(failed)?;
        let (applied, base) = (stored::applied(&read)?, stored::base(&read)?);
        let sessions = Sessions::new(stored::sessions(&read)?);
        let stored = Arc::new(Stored::new(store)?);
        let keys = stored.keys()?;
        let view = View { recent: Changes::default(), writing: Arc::default(), stored, keys };
        let view = Shared::new(view);
        Ok(Self { view, sessions, applied, durable: applied, base, mutation })
    }

    /// The last slot that is executed.
    pub(super) fn applied(&self) -> u64 {
        self.applied
    }

    /// The last slot that is executed and stays so in a crash.
    pub(super) fn durable(&self) -> u64 {
        if self.mutation.is(Mutant::TrimBeforeDurable) { self.applied } else { self.durable }
    }

    /// How many bytes have been changed since the last flush began.
    pub(super) fn recent(&self) -> usize {
        self.view.read().recent.bytes()
    }

    /// Executes the batches of consecutive slots, and says what came of their commands.
    pub(super) fn execute(
        &mut self,
        slots: &[(u64, Batch)],
    ) -> Result<Vec<Vec<Outcome>>, StoreError> {
        let shared = self.view.clone();
        let view = shared.read();
        let mut pairs = Pairs::of(&view)?;
        let mut outcomes = Vec::with_capacity(slots.len());
        for (slot, batch) in slots {
            if *slot != self.applied + 1 {
                let (next, slot) = (self.applied + 1, *slot);
                return Err(corrupt(format!("slot {slot} was to be executed before slot {next}")));
            }
            outcomes.push(self.execute_batch(&mut pairs, *slot, batch)?);
            self.applied = *slot;
        }
        let Pairs { mut changes, keys, .. } = pairs;
        drop(view);
        changes.applied = self.applied;
        let mut view = shared.write();
        view.recent.extend(changes);
        view.keys = keys;
        Ok(outcomes)
    }

    /// Executes what `entries` gives up to a slot, group by group: those behind a slot, in order. Says
    /// whether that was all.
    pub(super) fn execute_until(
        &mut self,
        last: u64,
        entries: impl Fn(u64, u64) -> Result<Vec<Entry>, StoreError>,
    ) -> Result<bool, StoreError> {
        while self.applied < last {
            let group = entries(self.applied + 1, last)?;
            if group.first().is_none_or(|entry| entry.slot != self.applied + 1) {
                return Ok(false);
            }
            let decoded = group.into_iter().map(|entry| {
                let batch = prost::Message::decode(entry.batch);
                let slot = entry.slot;
                batch.map(|batch| (slot, batch)).map_err(|error| {
                    corrupt(format!("slot {slot} of the log holds no batch: {error}"))
                })
            });
            self.execute(&decoded.collect::<Result<Vec<_>, _>>()?)?;
            self.write(Durability::None, |_| Ok(()))?;
        }
        Ok(true)
    }

    /// Puts another state in the place of this one, for its readers too.
    pub(super) fn replace(&mut self, other: Self) {
        let own = self.view.clone();
        std::mem::swap(&mut *own.write(), &mut *other.view.write());
        *self = Self { view: own, ..other };
    }

    /// For [`Mutant::CopyWithoutCommits`].
    pub(super) fn skip_to(&mut self, slot: u64) {
        self.applied = self.applied.max(slot);
    }

    /// Begins to make durable what was executed. What of an earlier flush is not written yet comes along, as
    /// that may be overtaken.
    pub(super) fn flush(&mut self) -> Flush {
        let mut view = self.view.write();
        let mut changes = std::mem::take(&mut view.recent);
        changes.applied = self.applied;
        changes.sessions = self.sessions.take_changed();
        if !view.writing.is_empty() {
            let mut all = Changes::clone(&view.writing);
            all.extend(changes);
            changes = all;
        }
        view.writing = Arc::new(changes);
        Flush { changes: Arc::clone(&view.writing), stored: Arc::clone(&view.stored) }
    }

    /// What a flush has made durable.
    pub(super) fn flushed(&mut self, Flushed(slot): Flushed) {
        self.durable = self.durable.max(slot);
        self.written(slot);
    }

    /// Makes durable what was executed, and what else the transaction is given.
    pub(super) fn persist(
        &mut self,
        also: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        let slot = self.write(Durability::Immediate, also)?;
        self.durable = self.durable.max(slot);
        Ok(())
    }

    /// The store, with all in it that was executed.
    pub(super) fn stored(&mut self) -> Result<Arc<Stored>, StoreError> {
        self.write(Durability::None, |_| Ok(()))?;
        Ok(Arc::clone(&self.view.read().stored))
    }

    fn write(
        &mut self,
        durability: Durability,
        also: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<u64, StoreError> {
        let Flush { changes, stored } = self.flush();
        let slot = stored.write(&changes, durability, also)?;
        self.written(slot);
        Ok(slot)
    }

    /// Up to this slot all is in the store, and need not be in memory too.
    fn written(&mut self, slot: u64) {
        let mut view = self.view.write();
        if view.writing.applied <= slot {
            view.writing = Arc::default();
        }
    }

    fn execute_batch(
        &mut self,
        pairs: &mut Pairs<'_>,
        slot: u64,
        batch: &Batch,
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes = Vec::with_capacity(batch.commands.len());
        for (index, command) in batch.commands.iter().enumerate() {
            let result = match limits::check(command) {
                Err(_) => None,
                Ok(Operation::Open(_)) if index >= limits::MAX_BATCH => None,
                Ok(Operation::Open(open)) => {
                    let number = slot << 16 | index as u64;
                    Some(outcome::Result::Opened(self.sessions.open(open.nonce, number, slot)))
                }
                Ok(operation) => {
                    outcomes.push(self.execute_command(pairs, slot, command, operation)?);
                    continue;
                }
            };
            outcomes.push(Outcome { result });
        }
        Ok(outcomes)
    }

    fn execute_command(
        &mut self,
        pairs: &mut Pairs<'_>,
        slot: u64,
        command: &Command,
        operation: &Operation,
    ) -> Result<Outcome, StoreError> {
        match self.sessions.turn(command.session, command.sequence) {
            Turn::Expired => Ok(Outcome { result: Some(outcome::Result::Expired(true)) }),
            Turn::Repeated(outcome) if !self.mutation.is(Mutant::ExecuteTwice) => Ok(outcome),
            Turn::Next | Turn::Repeated(_) => {
                let outcome = Outcome { result: Some(change(pairs, slot, operation)?) };
                self.sessions.executed(command.session, command.sequence, slot, outcome);
                Ok(outcome)
            }
        }
    }
}

/// What a command does to the map.
fn change(
    pairs: &mut Pairs<'_>,
    slot: u64,
    operation: &Operation,
) -> Result<outcome::Result, StoreError> {
    Ok(match operation {
        Operation::Put(put) => outcome::Result::Replaced(pairs.set(&put.key, Some(&put.value))?),
        Operation::Delete(delete) => outcome::Result::Replaced(pairs.set(&delete.key, None)?),
        // Of the slots before this one: they are executed.
        Operation::Trim(last) => outcome::Result::Slot((*last).min(slot - 1) + 1),
        Operation::Scrub(_) | Operation::Open(_) => outcome::Result::Slot(slot),
    })
}

/// The pairs as executing finds and changes them.
struct Pairs<'a> {
    view: &'a View,
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
    changes: Changes,
    keys: u64,
}

impl<'a> Pairs<'a> {
    fn of(view: &'a View) -> Result<Self, StoreError> {
        let table = view.stored.read()?.open_table(MAP).map_err(failed)?;
        Ok(Self { view, table, changes: Changes::default(), keys: view.keys })
    }

    /// Gives a key a value, or none. Whether it had one before.
    fn set(&mut self, key: &str, value: Option<&str>) -> Result<bool, StoreError> {
        let had = match self.changes.get(key).or_else(|| self.view.get(key)) {
            Some(before) => before.is_some(),
            None => self.table.get(key.as_bytes()).map_err(failed)?.is_some(),
        };
        self.keys = self.keys + u64::from(value.is_some()) - u64::from(had);
        if had || value.is_some() {
            self.changes.set(key, value);
        }
        Ok(had)
    }
}
