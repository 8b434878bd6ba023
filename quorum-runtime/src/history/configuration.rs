use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::rc::Rc;

use smallvec::SmallVec;

/// The operations that have taken effect, as bits.
///
/// Operations take effect about in the order of their numbers: below some word all have, above another
/// none has. What is between is short, however long the history.
#[derive(Debug)]
pub(super) struct Linearized {
    words: Vec<u64>,
    /// No word below this has a bit that is missing.
    full: usize,
    /// No word from here on has a bit.
    end: usize,
}

impl Linearized {
    pub(super) fn new(operations: usize) -> Self {
        Self { words: vec![0; operations.div_ceil(64)], full: 0, end: 0 }
    }

    pub(super) fn contains(&self, operation: usize) -> bool {
        self.words[operation / 64] & bit(operation) != 0
    }

    pub(super) fn insert(&mut self, operation: usize) {
        let word = operation / 64;
        self.words[word] |= bit(operation);
        self.end = self.end.max(word + 1);
        while self.words.get(self.full) == Some(&u64::MAX) {
            self.full += 1;
        }
    }

    pub(super) fn remove(&mut self, operation: usize) {
        let word = operation / 64;
        self.words[word] &= !bit(operation);
        self.full = self.full.min(word);
        while self.end > 0 && self.words[self.end - 1] == 0 {
            self.end -= 1;
        }
    }

    /// The words that are neither full nor empty, after the number of those that are full.
    fn key(&self, key: &mut Words) {
        key.push(self.full as u64);
        key.extend_from_slice(&self.words[self.full.min(self.end)..self.end]);
    }
}

const fn bit(operation: usize) -> u64 {
    1 << (operation % 64)
}

type Words = SmallVec<[u64; 4]>;

/// The configurations in which the search has been: what has taken effect, and the state after it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    configurations: HashSet<Words>,
}

impl Seen {
    /// Whether the search has not been there yet. Now it has.
    pub(super) fn insert(
        &mut self,
        required: &Linearized,
        optional: &Linearized,
        state: StateId,
    ) -> bool {
        let mut key = Words::new();
        key.push(u64::from(state.0));
        required.key(&mut key);
        optional.key(&mut key);
        self.configurations.insert(key)
    }
}

/// A state of the object, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateId(u32);

/// The states that the search has come across, each kept once.
#[derive(Debug)]
pub(super) struct States<S> {
    states: Vec<Rc<S>>,
    ids: HashMap<Rc<S>, StateId>,
}

impl<S: Eq + Hash> States<S> {
    pub(super) fn new() -> Self {
        Self { states: Vec::new(), ids: HashMap::new() }
    }

    pub(super) fn id(&mut self, state: S) -> StateId {
        if let Some(id) = self.ids.get(&state) {
            return *id;
        }
        // As many as steps at most.
        let (id, state) = (StateId(self.states.len() as u32), Rc::new(state));
        self.states.push(Rc::clone(&state));
        self.ids.insert(state, id);
        id
    }

    pub(super) fn get(&self, id: StateId) -> &S {
        &self.states[id.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_have_the_same_key_when_they_are_the_same(
            // Near the beginning, so that words come to be full and cease to be.
            changes in vec((0..3_usize, 0..64_usize), 0..400),
        ) {
            let (mut linearized, mut set) = (Linearized::new(192), BTreeSet::new());
            let mut keys = BTreeMap::new();
            let filled = (0..64).map(|operation| (0, operation));
            for (word, bit) in filled.chain(changes) {
                let operation = word * 64 + bit;
                prop_assert_eq!(linearized.contains(operation), set.contains(&operation));
                if set.insert(operation) {
                    linearized.insert(operation);
                } else {
                    set.remove(&operation);
                    linearized.remove(operation);
                }
                let mut key = Words::new();
                linearized.key(&mut key);
                let known = keys.entry(key).or_insert_with(|| set.clone());
                prop_assert_eq!(&*known, &set);
            }
            (0..192).for_each(|operation| linearized.insert(operation));
            prop_assert_eq!(linearized.full, 3);
        }
    }
}
