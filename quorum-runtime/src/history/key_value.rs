//! A map from keys to values, each of which is read, written and changed by itself.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::Model;
use super::register::Access;
pub use super::register::Output;

/// The [`Model`] of a map: a [`Register`](super::Register) for each key.
///
/// Give the writes of a test values that differ, so that a read tells which of them it saw.
///
/// ```
/// use quorum_runtime::history::key_value::{Input, Output};
/// use quorum_runtime::history::{History, KeyValue};
///
/// let history = History::new(KeyValue::holding([("a", 1), ("b", 2)]));
/// history.invoke(1, Input::Write { key: "a", value: 3 }).returned(Output::Done);
/// history.invoke(2, Input::Read { key: "b" }).returned(Output::Value(Some(2)));
/// assert_eq!(history.check()?.keys, 2);
/// # Ok::<_, quorum_runtime::history::CheckError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyValue<K, V> {
    initial: BTreeMap<K, V>,
}

impl<K: Ord, V> KeyValue<K, V> {
    /// At first there are no values.
    #[must_use]
    pub const fn new() -> Self {
        Self { initial: BTreeMap::new() }
    }

    /// At first there are these values.
    #[must_use]
    pub fn holding(values: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { initial: values.into_iter().collect() }
    }
}

impl<K: Ord, V> Default for KeyValue<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a client asks of a [`KeyValue`]. As JSON `{"f":"write","key":"k","value":"a"}`, where `f` is
/// `read`, `write`, `delete` or `compare-and-set`; the last has `expected` and `new`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", rename_all = "kebab-case")]
pub enum Input<K, V> {
    /// The value of the key. The answer is [`Output::Value`].
    Read {
        /// The key.
        key: K,
    },
    /// The key has this value from now on. The answer is [`Output::Done`].
    Write {
        /// The key.
        key: K,
        /// The value.
        value: V,
    },
    /// The key has no value from now on. The answer is [`Output::Done`].
    Delete {
        /// The key.
        key: K,
    },
    /// The key has the new value from now on, if it has the expected one. The answer is
    /// [`Output::Changed`].
    CompareAndSet {
        /// The key.
        key: K,
        /// What it must have.
        expected: Option<V>,
        /// What it has then.
        new: V,
    },
}

impl<K, V> Input<K, V> {
    /// The key that it is about.
    pub const fn key(&self) -> &K {
        match self {
            Self::Read { key }
            | Self::Write { key, .. }
            | Self::Delete { key }
            | Self::CompareAndSet { key, .. } => key,
        }
    }

    const fn access(&self) -> Access<'_, V> {
        match self {
            Self::Read { .. } => Access::Read,
            Self::Write { value, .. } => Access::Write(value),
            Self::Delete { .. } => Access::Delete,
            Self::CompareAndSet { expected, new, .. } => Access::CompareAndSet { expected, new },
        }
    }
}

impl<K, V> Model for KeyValue<K, V>
where
    K: Clone + Debug + Ord,
    V: Clone + Debug + Eq + Hash,
{
    type Input = Input<K, V>;
    type Output = Output<V>;
    type Key = K;
    type State = Option<V>;

    fn key(&self, input: &Input<K, V>) -> K {
        input.key().clone()
    }

    fn init(&self, key: &K) -> Option<V> {
        self.initial.get(key).cloned()
    }

    fn step(
        &self,
        state: &Option<V>,
        input: &Input<K, V>,
        seen: Option<&Output<V>>,
    ) -> Option<Option<V>> {
        input.access().step(state, seen)
    }

    fn overwrites(&self, input: &Input<K, V>) -> bool {
        input.access().overwrites()
    }

    fn describe(&self, input: &Input<K, V>, output: Option<&Output<V>>) -> String {
        format!("{} at {:?}", input.access().describe(output), input.key())
    }
}
