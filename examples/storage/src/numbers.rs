//! The numbers that a client gives to its writes.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many keys are remembered. When there are more, a writer who is alone asks once more.
const KEYS: usize = 10_000;

/// Each number is larger than all before it, whatever the key.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    last: u64,
    keys: BTreeSet<String>,
}

impl Numbers {
    /// The number of the next write, which is larger than one that was found.
    pub(crate) fn next(&self, found: u64) -> u64 {
        let mut known = self.known();
        known.last = known.last.max(found).saturating_add(1);
        known.last
    }

    /// Whether the next number is larger than all that this key has, without asking.
    pub(crate) fn are_above(&self, key: &str) -> bool {
        self.known().keys.contains(key)
    }

    /// That from now on the numbers are above those of a key which nobody else writes.
    pub(crate) fn remember(&self, key: &str) {
        let mut known = self.known();
        if known.keys.len() >= KEYS {
            known.keys.clear();
        }
        known.keys.insert(key.to_owned());
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_larger_than_what_was_found_and_than_all_before() {
        let numbers = Numbers::default();
        assert_eq!(numbers.next(7), 8);
        assert_eq!(numbers.next(2), 9);
        assert_eq!(numbers.next(0), 10);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let numbers = Numbers::default();
        for key in 0..=KEYS {
            numbers.remember(&key.to_string());
        }
        assert!(!numbers.are_above("0"));
        assert!(numbers.are_above(&KEYS.to_string()));
    }
}
