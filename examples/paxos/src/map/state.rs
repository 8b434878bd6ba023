//! What executing the log makes: the map, the sessions, and how far it is executed, in one store.
//!
//! All three change in one transaction, so whatever the store goes back to in a crash is the state as of
//! one slot, and executing the log from there makes the same state again. So the transactions need not be
//! durable one by one.

use std::sync::Arc;

use example_support::store::Store;
use redb::{Durability, ReadableTable as _, Table, TableDefinition, WriteTransaction};

use super::limits;
use super::sessions::{Sessions, Turn};
use crate::error::{StoreError, corrupt, failed};
use crate::mutant::{Mutant, Mutation};
use crate::paxos::command::Operation;
use crate::paxos::{Batch, Command, Entry, Outcome, Session, outcome};

/// What this version of the program writes.
pub(super) const FORMAT: &str = "paxos map 1";

/// From a key to its value.
pub(super) const MAP: TableDefinition<&[u8], &[u8]> = TableDefinition::new("map");

/// From the number of a session to the encoded `Session`.
pub(super) const SESSIONS: TableDefinition<u64, &[u8]> = TableDefinition::new("sessions");

/// [`APPLIED`] and its slot.
pub(super) const STATE: TableDefinition<&str, u64> = TableDefinition::new("state");

/// The last slot that is executed.
const APPLIED: &str = "applied";

type Pairs<'a> = Table<'a, &'static [u8], &'static [u8]>;

/// The state of one node, or a copy of another's that is being made.
#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Arc<Store>,
    sessions: Sessions,
    applied: u64,
    durable: u64,
    mutation: Mutation,
}

/// Writes the state as of a slot, but for its keys.
pub(super) fn fill(
    transaction: &WriteTransaction,
    applied: u64,
    sessions: &[Session],
) -> Result<(), redb::Error> {
    transaction.open_table(MAP)?;
    transaction.open_table(STATE)?.insert(APPLIED, applied)?;
    let mut table = transaction.open_table(SESSIONS)?;
    for session in sessions {
        table.insert(session.number, prost::Message::encode_to_vec(session).as_slice())?;
    }
    Ok(())
}

/// As of which slot a state is that is read.
pub(super) fn applied(transaction: &redb::ReadTransaction) -> Result<u64, StoreError> {
    let state = transaction.open_table(STATE).map_err(failed)?;
    let applied = state.get(APPLIED).map_err(failed)?;
    applied.map(|slot| slot.value()).ok_or_else(|| corrupt("the map does not say how far it is"))
}

/// The sessions of a state that is read.
pub(super) fn sessions(transaction: &redb::ReadTransaction) -> Result<Vec<Session>, StoreError> {
    let table = transaction.open_table(SESSIONS).map_err(failed)?;
    let stored = table.iter().map_err(failed)?;
    let decode = |bytes: &[u8]| {
        prost::Message::decode(bytes).map_err(|error| corrupt(format!("a session: {error}")))
    };
    stored.map(|row| decode(row.map_err(failed)?.1.value())).collect()
}

impl State {
    /// The state in a store.
    pub(super) fn load(store: Store, mutation: Mutation) -> Result<Self, StoreError> {
        let read = store.begin_read().map_err(failed)?;
        let (applied, sessions) = (applied(&read)?, Sessions::new(sessions(&read)?));
        Ok(Self { store: Arc::new(store), sessions, applied, durable: applied, mutation })
    }

    /// The last slot that is executed.
    pub(super) fn applied(&self) -> u64 {
        self.applied
    }

    /// The last slot that is executed and stays so in a crash.
    pub(super) fn durable(&self) -> u64 {
        if self.mutation.is(Mutant::TrimBeforeDurable) { self.applied } else { self.durable }
    }

    /// Executes the batches of consecutive slots, and says what came of their commands.
    pub(super) fn execute(
        &mut self,
        slots: &[(u64, Batch)],
    ) -> Result<Vec<Vec<Outcome>>, StoreError> {
        let mut transaction = self.store.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::None).map_err(failed)?;
        let mut pairs = transaction.open_table(MAP).map_err(failed)?;
        let mut outcomes = Vec::with_capacity(slots.len());
        for (slot, batch) in slots {
            if *slot != self.applied + 1 {
                let (next, slot) = (self.applied + 1, *slot);
                return Err(corrupt(format!("slot {slot} was to be executed before slot {next}")));
            }
            outcomes.push(self.execute_batch(&mut pairs, *slot, batch)?);
            self.applied = *slot;
        }
        drop(pairs);
        self.write_rest(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
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
        }
        Ok(true)
    }

    /// For [`Mutant::CopyWithoutCommits`].
    pub(super) fn skip_to(&mut self, slot: u64) {
        self.applied = self.applied.max(slot);
    }

    /// Makes durable what was executed, and what else the transaction is given.
    pub(super) fn persist(
        &mut self,
        also: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        let transaction = self.store.begin_write().map_err(failed)?;
        self.write_rest(&transaction).map_err(failed)?;
        also(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.durable = self.applied;
        Ok(())
    }

    /// What changes beside the keys.
    fn write_rest(&mut self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        transaction.open_table(STATE)?.insert(APPLIED, self.applied)?;
        let mut table = transaction.open_table(SESSIONS)?;
        for (number, session) in self.sessions.take_changed() {
            match session {
                Some(session) => {
                    table.insert(number, prost::Message::encode_to_vec(session).as_slice())?
                }
                None => table.remove(number)?,
            };
        }
        Ok(())
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
                let result = Some(change(pairs, slot, operation).map_err(failed)?);
                let outcome = Outcome { result };
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
) -> Result<outcome::Result, redb::Error> {
    Ok(match operation {
        Operation::Put(put) => {
            let before = pairs.insert(put.key.as_bytes(), put.value.as_bytes())?;
            outcome::Result::Replaced(before.is_some())
        }
        Operation::Delete(delete) => {
            outcome::Result::Replaced(pairs.remove(delete.key.as_bytes())?.is_some())
        }
        // Of the slots before this one: they are executed.
        Operation::Trim(last) => outcome::Result::Slot((*last).min(slot - 1) + 1),
        Operation::Scrub(_) | Operation::Open(_) => outcome::Result::Slot(slot),
    })
}
