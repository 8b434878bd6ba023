//! What executing has changed since the store was written last. It is in memory, because most of it is
//! changed again before it would have to be on disk, and the log has it until then.

use std::collections::BTreeMap;

use crate::paxos::Session;

/// What has become of pairs and sessions up to a slot. It says what they are and not what was done to them,
/// so it may be written twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// The slot as of which it is.
    pub(super) applied: u64,
    pub(super) pairs: BTreeMap<String, Option<String>>,
    pub(super) sessions: BTreeMap<u64, Option<Session>>,
    /// How long the keys and values are together.
    bytes: usize,
}

impl Changes {
    /// The value of a key, or that it has none; nothing, if it was not changed.
    pub(super) fn get(&self, key: &str) -> Option<Option<&str>> {
        self.pairs.get(key).map(Option::as_deref)
    }

    pub(super) fn set(&mut self, key: &str, value: Option<&str>) {
        self.insert(key.to_owned(), value.map(str::to_owned));
    }

    /// Adds what was changed later.
    pub(super) fn extend(&mut self, later: Self) {
        self.applied = later.applied;
        for (key, value) in later.pairs {
            self.insert(key, value);
        }
        self.sessions.extend(later.sessions);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.applied == 0
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn insert(&mut self, key: String, value: Option<String>) {
        let length = |value: &Option<String>| value.as_ref().map_or(0, String::len);
        self.bytes += key.len() + length(&value);
        let of_key = key.len();
        if let Some(before) = self.pairs.insert(key, value) {
            self.bytes -= of_key + length(&before);
        }
    }
}
