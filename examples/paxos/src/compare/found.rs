//! What a comparison has found.

use std::collections::BTreeMap;
use std::fmt;

use crate::paxos::ScanReply;

/// How two stores differ, or that they do not.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// The slots as of which they are.
    pub(crate) slots: [u64; 2],
    /// Whether the clients that are known and what they were answered are the same.
    pub(crate) same_sessions: bool,
    /// How many keys there are, in either or both.
    pub(crate) keys: u64,
    /// Behind which key the parts begin that differ, and how many keys differ in each. As many as keys are
    /// told.
    pub(crate) parts: Vec<(String, u64)>,
    /// Some of the keys that differ, and how.
    pub(crate) told: Vec<(String, Difference)>,
    /// How many differ.
    pub(crate) differing: u64,
    max_told: usize,
}

/// How a key differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    OnlyFirst,
    OnlySecond,
    Value,
}

impl Comparison {
    pub(super) fn new(max_told: usize, one: &ScanReply, other: &ScanReply) -> Self {
        Self {
            slots: [one.slot, other.slot],
            same_sessions: one.sessions == other.sessions,
            keys: 0,
            parts: Vec::new(),
            told: Vec::new(),
            differing: 0,
            max_told,
        }
    }

    /// Whether the stores are the same.
    pub(crate) fn is_equal(&self) -> bool {
        self.slots[0] == self.slots[1] && self.same_sessions && self.differing == 0
    }

    /// So many keys are the same.
    pub(super) fn same(&mut self, keys: u64) {
        self.keys += keys;
    }

    /// Looks which keys differ in two parts, as far as both go, and tells how far that is: `None` where
    /// both are at their end.
    pub(super) fn differ(
        &mut self,
        after: &str,
        one: ScanReply,
        other: ScanReply,
    ) -> Option<String> {
        let ends = [&one, &other].map(|part| (!part.end).then(|| part.last_key.clone()));
        let until = ends.into_iter().flatten().min();
        let is_in = |key: &String| until.as_ref().is_none_or(|until| key <= until);
        let mut keys = BTreeMap::<String, [Option<Vec<u8>>; 2]>::new();
        for (side, part) in [one, other].into_iter().enumerate() {
            for entry in part.each.into_iter().filter(|entry| is_in(&entry.key)) {
                keys.entry(entry.key).or_default()[side] = Some(entry.digest);
            }
        }
        self.keys += keys.len() as u64;
        let before = self.differing;
        for (key, digests) in keys {
            let difference = match digests {
                [one, other] if one == other => continue,
                [Some(_), None] => Difference::OnlyFirst,
                [None, _] => Difference::OnlySecond,
                [Some(_), Some(_)] => Difference::Value,
            };
            self.differing += 1;
            if self.told.len() < self.max_told {
                self.told.push((key, difference));
            }
        }
        if self.differing > before && self.parts.len() < self.max_told {
            self.parts.push((after.to_owned(), self.differing - before));
        }
        until
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keys, [one, other]) = (self.keys, self.slots);
        if self.is_equal() {
            return write!(f, "equal: {keys} keys as of slot {one}");
        }
        write!(f, "not equal: {} of {keys} keys differ", self.differing)?;
        if one != other {
            write!(f, "; the first is as of slot {one}, the second of slot {other}")?;
        }
        if !self.same_sessions {
            write!(f, "; they do not know the same sessions")?;
        }
        for (after, differing) in &self.parts {
            write!(f, "\n  {differing} behind {after:?}")?;
        }
        for (key, difference) in &self.told {
            let how = match difference {
                Difference::OnlyFirst => "only in the first",
                Difference::OnlySecond => "only in the second",
                Difference::Value => "has two values",
            };
            write!(f, "\n  {key:?}: {how}")?;
        }
        match self.differing - self.told.len() as u64 {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
