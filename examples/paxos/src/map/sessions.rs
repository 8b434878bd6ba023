//! Which clients there are, and what each was answered last: by that a command which is asked again, at
//! whatever node, is executed once (section 6.3 of Ongaro's *Consensus: Bridging Theory and Practice*).
//!
//! All of it is decided by the log alone, so that all nodes open and close the same sessions.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::MAX_SESSIONS;
use crate::paxos::{Outcome, Session};

/// The sessions by their numbers, and which of them have changed since they were written.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    known: BTreeMap<u64, Session>,
    numbers: BTreeMap<u64, u64>,
    changed: BTreeSet<u64>,
}

/// What is known of a command when its turn comes.
#[derive(Debug, PartialEq)]
pub(crate) enum Turn {
    /// It is to be executed.
    Next,
    /// It was executed, and this came of it.
    Repeated(Outcome),
    /// Its session is closed; or it is older than the last one, so that nobody waits for it.
    Expired,
}

impl Sessions {
    /// Those that were stored.
    pub(crate) fn new(stored: impl IntoIterator<Item = Session>) -> Self {
        let known: BTreeMap<_, _> =
            stored.into_iter().map(|session| (session.number, session)).collect();
        let numbers = known.values().map(|session| (session.nonce, session.number)).collect();
        Self { known, numbers, changed: BTreeSet::new() }
    }

    pub(crate) fn turn(&self, number: u64, sequence: u64) -> Turn {
        match self.known.get(&number) {
            _ if number == 0 => Turn::Next,
            Some(session) if sequence > session.sequence => Turn::Next,
            Some(session) if sequence == session.sequence => {
                Turn::Repeated(session.outcome.unwrap_or_default())
            }
            _ => Turn::Expired,
        }
    }

    /// What came of a command.
    pub(crate) fn executed(&mut self, number: u64, sequence: u64, slot: u64, outcome: Outcome) {
        if let Some(session) = self.known.get_mut(&number) {
            (session.sequence, session.used, session.outcome) = (sequence, slot, Some(outcome));
            self.changed.insert(number);
        }
    }

    /// Opens a session under a number, unless it was opened already: then that is the number.
    pub(crate) fn open(&mut self, nonce: u64, number: u64, slot: u64) -> u64 {
        if let Some(&number) = self.numbers.get(&nonce) {
            return number;
        }
        if self.known.len() >= MAX_SESSIONS {
            self.close_one();
        }
        self.numbers.insert(nonce, number);
        self.known.insert(number, Session { number, nonce, used: slot, ..Session::default() });
        self.changed.insert(number);
        number
    }

    /// Closes the session that was used least recently.
    fn close_one(&mut self) {
        let oldest = self.known.values().map(|session| (session.used, session.number)).min();
        if let Some(session) = oldest.and_then(|(_, number)| self.known.remove(&number)) {
            self.numbers.remove(&session.nonce);
            self.changed.insert(session.number);
        }
    }

    /// What has changed since this was asked last: the sessions, or that they were closed.
    pub(crate) fn take_changed(&mut self) -> BTreeMap<u64, Option<Session>> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|number| (number, self.known.get(&number).cloned())).collect()
    }
}
