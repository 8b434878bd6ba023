//! A register: one value that is read, written and changed.

use std::fmt::Debug;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::Model;

/// The [`Model`] of one value, which may be missing.
///
/// Give the writes of a test values that differ, so that a read tells which of them it saw.
///
/// ```
/// use quorum_runtime::history::register::{Input, Output};
/// use quorum_runtime::history::{History, Register};
///
/// let history = History::new(Register::holding(1));
/// let change = history.invoke(1, Input::CompareAndSet { expected: Some(1), new: 2 });
/// change.returned(Output::Changed(true));
/// history.invoke(1, Input::Delete).returned(Output::Done);
/// history.invoke(1, Input::Read).returned(Output::Value(None));
/// history.check()?;
/// # Ok::<_, quorum_runtime::history::CheckError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Register<V> {
    initial: Option<V>,
}

impl<V> Register<V> {
    /// At first there is no value.
    #[must_use]
    pub const fn new() -> Self {
        Self { initial: None }
    }

    /// At first it has this value.
    #[must_use]
    pub const fn holding(value: V) -> Self {
        Self { initial: Some(value) }
    }
}

impl<V> Default for Register<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a client asks of a [`Register`]. As JSON `{"f":"write","value":"a"}`, where `f` is `read`,
/// `write`, `delete` or `compare-and-set`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "a model says all that can be asked")]
pub enum Input<V> {
    /// Its value. The answer is [`Output::Value`].
    Read,
    /// It has this value from now on. The answer is [`Output::Done`].
    Write(V),
    /// It has no value from now on. The answer is [`Output::Done`].
    Delete,
    /// It has the new value from now on, if it has the expected one. The answer is
    /// [`Output::Changed`].
    CompareAndSet {
        /// What it must have.
        expected: Option<V>,
        /// What it has then.
        new: V,
    },
}

/// What a client is answered. As JSON `{"value":"a"}`, `{"value":null}`, `"done"` or `{"changed":true}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output<V> {
    /// The value that was read; `None` where there was none.
    Value(Option<V>),
    /// It was written or deleted.
    Done,
    /// Whether the expected value was there, and was replaced.
    Changed(bool),
}

impl<V: Clone + Debug + Eq + Hash> Model for Register<V> {
    type Input = Input<V>;
    type Output = Output<V>;
    type Key = ();
    type State = Option<V>;

    fn key(&self, _input: &Input<V>) {}

    fn init(&self, _key: &()) -> Option<V> {
        self.initial.clone()
    }

    fn step(
        &self,
        state: &Option<V>,
        input: &Input<V>,
        seen: Option<&Output<V>>,
    ) -> Option<Option<V>> {
        Access::from(input).step(state, seen)
    }

    fn overwrites(&self, input: &Input<V>) -> bool {
        Access::from(input).overwrites()
    }

    fn describe_key(&self, _key: &()) -> String {
        "the register".to_owned()
    }

    fn describe(&self, input: &Input<V>, output: Option<&Output<V>>) -> String {
        Access::from(input).describe(output)
    }
}

/// What is asked of one value, whether that has a key or not.
pub(super) enum Access<'a, V> {
    Read,
    Write(&'a V),
    Delete,
    CompareAndSet { expected: &'a Option<V>, new: &'a V },
}

impl<'a, V> From<&'a Input<V>> for Access<'a, V> {
    fn from(input: &'a Input<V>) -> Self {
        match input {
            Input::Read => Self::Read,
            Input::Write(value) => Self::Write(value),
            Input::Delete => Self::Delete,
            Input::CompareAndSet { expected, new } => Self::CompareAndSet { expected, new },
        }
    }
}

impl<V: Clone + Debug + Eq> Access<'_, V> {
    pub(super) fn step(&self, state: &Option<V>, seen: Option<&Output<V>>) -> Option<Option<V>> {
        let (answer, next) = match self {
            // Compared where they are, because most of what is tried is a read that saw something else.
            Self::Read => {
                let fits = match seen {
                    Some(Output::Value(value)) => value == state,
                    seen => seen.is_none(),
                };
                return fits.then(|| state.clone());
            }
            Self::Write(value) => (Output::Done, Some((*value).clone())),
            Self::Delete => (Output::Done, None),
            Self::CompareAndSet { expected, new } if *expected == state => {
                (Output::Changed(true), Some((*new).clone()))
            }
            Self::CompareAndSet { .. } => (Output::Changed(false), state.clone()),
        };
        seen.is_none_or(|seen| *seen == answer).then_some(next)
    }

    pub(super) const fn overwrites(&self) -> bool {
        matches!(self, Self::Write(_) | Self::Delete)
    }

    pub(super) fn describe(&self, output: Option<&Output<V>>) -> String {
        match (self, output) {
            (Self::Read, None) => "read".to_owned(),
            (Self::Read, Some(Output::Value(Some(value)))) => format!("read {value:?}"),
            (Self::Read, Some(Output::Value(None))) => "found nothing".to_owned(),
            (Self::Write(value), None) => format!("write {value:?}"),
            (Self::Write(value), Some(Output::Done)) => format!("wrote {value:?}"),
            (Self::Delete, None) => "delete".to_owned(),
            (Self::Delete, Some(Output::Done)) => "deleted".to_owned(),
            (Self::CompareAndSet { expected, new }, None) => {
                format!("change {} to {new:?}", Shown(expected))
            }
            (Self::CompareAndSet { expected, new }, Some(Output::Changed(true))) => {
                format!("changed {} to {new:?}", Shown(expected))
            }
            (Self::CompareAndSet { expected, new }, Some(Output::Changed(false))) => {
                format!("did not find {}, to change it to {new:?}", Shown(expected))
            }
            (_, Some(other)) => format!("was to {} and was told {other:?}", self.describe(None)),
        }
    }
}

/// A value that may be missing.
struct Shown<'a, V>(&'a Option<V>);

impl<V: Debug> std::fmt::Display for Shown<'_, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(value) => write!(f, "{value:?}"),
            None => f.write_str("nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAS: Input<u8> = Input::CompareAndSet { expected: Some(1), new: 2 };

    fn step(state: Option<u8>, input: &Input<u8>, seen: Option<Output<u8>>) -> Option<Option<u8>> {
        Register::new().step(&state, input, seen.as_ref())
    }

    #[test]
    fn it_does_what_one_value_does() {
        use Output::{Changed, Done, Value};
        for (state, input, seen, next) in [
            (Some(1), Input::Read, Value(Some(1)), Some(Some(1))),
            (Some(1), Input::Read, Value(Some(2)), None),
            (Some(1), Input::Read, Value(None), None),
            (None, Input::Read, Value(None), Some(None)),
            (None, Input::Write(3), Done, Some(Some(3))),
            (Some(1), Input::Delete, Done, Some(None)),
            (Some(1), CAS, Changed(true), Some(Some(2))),
            (Some(1), CAS, Changed(false), None),
            (Some(3), CAS, Changed(true), None),
            (Some(3), CAS, Changed(false), Some(Some(3))),
            (None, CAS, Changed(false), Some(None)),
        ] {
            assert_eq!(
                step(state, &input, Some(seen.clone())),
                next,
                "{state:?} {input:?} {seen:?}"
            );
        }
    }

    #[test]
    fn an_answer_to_another_question_never_fits() {
        for input in [Input::Write(1), Input::Delete, CAS] {
            assert_eq!(step(None, &input, Some(Output::Value(None))), None, "{input:?}");
        }
        assert_eq!(step(None, &Input::Read, Some(Output::Done)), None);
        let told = Register::new().describe(&Input::Write(1), Some(&Output::Value(None)));
        assert_eq!(told, "was to write 1 and was told Value(None)");
    }

    #[test]
    fn what_did_not_return_fits_every_state() {
        for (input, next) in [
            (Input::Read, Some(1)),
            (Input::Write(3), Some(3)),
            (Input::Delete, None),
            (CAS, Some(2)),
        ] {
            assert_eq!(step(Some(1), &input, None), Some(next), "{input:?}");
        }
        assert_eq!(step(Some(3), &CAS, None), Some(Some(3)));
    }
}
