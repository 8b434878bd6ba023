use std::collections::BTreeMap;
use std::fmt;

use super::contradiction::contradiction;
use super::recorder::OperationOf;
use super::search::{Optional, Problem, Required, Verdict, search};
use super::{History, Model, Outcome, Violation};

/// How many steps [`History::check`] takes for each key: some tenths of a second, and at most about
/// 100 MiB, which is given back before the next key.
pub const MAX_STEPS: u64 = 1_000_000;

impl<M: Model> History<M> {
    /// Looks for an order that explains what clients saw, in up to [`MAX_STEPS`] steps for each key.
    ///
    /// The search is that of Wing and Gong (Testing and Verifying Concurrent Objects, 1993) with the
    /// list and the memory of Lowe (Testing for Linearizability, 2017). It takes a few steps for an
    /// operation as long as few go on at a time. Those that [overwrite](Model::overwrites) and were left
    /// open are tried only where their values are seen. Others that change something, such as a
    /// compare-and-set, can double the steps, each: about 10 that were left open to a key are cheap.
    /// Reads that were left open cost nothing, nor do operations that
    /// [failed](super::Invocation::failed).
    ///
    /// Operations that are still open are treated as those that were given up. What is noted while it
    /// runs does not count.
    ///
    /// # Errors
    ///
    /// [`CheckError::Violation`] when there is no order, [`CheckError::Undecided`] when the steps were
    /// not enough to tell for some key, and no other has a violation.
    ///
    /// ```
    /// use quorum_runtime::history::register::{Input, Output};
    /// use quorum_runtime::history::{CheckError, History, Register};
    ///
    /// let history = History::new(Register::new());
    /// history.invoke(1, Input::Write("a")).returned(Output::Done);
    /// history.invoke(1, Input::Write("b")).returned(Output::Done);
    /// history.check()?;
    ///
    /// history.invoke(2, Input::Read).returned(Output::Value(Some("a")));
    /// let Err(CheckError::Violation(violation)) = history.check() else { panic!() };
    /// assert_eq!(violation.witnesses().len(), 3);
    /// # Ok::<_, quorum_runtime::history::CheckError>(())
    /// ```
    pub fn check(&self) -> Result<Checked, CheckError> {
        self.check_within(MAX_STEPS)
    }

    /// Like [`check`](Self::check), with another number of steps for each key. In a step one operation
    /// is tried in one state, which takes about a tenth of a microsecond and 100 bytes.
    ///
    /// # Errors
    ///
    /// Like [`check`](Self::check).
    ///
    /// ```
    /// use quorum_runtime::history::register::{Input, Register};
    /// use quorum_runtime::history::{CheckError, History};
    ///
    /// let history = History::new(Register::new());
    /// (0..10).for_each(|value| drop(history.invoke(1, Input::Write(value))));
    /// history.invoke(1, Input::Read).returned(quorum_runtime::history::register::Output::Value(Some(10)));
    /// assert_eq!(
    ///     history.check_within(5).unwrap_err().to_string(),
    ///     "5 steps were not enough to tell whether the history of the register is linearizable: \
    ///      of its 11 operations 10 are unknown; check it with more steps, or let a test leave fewer open",
    /// );
    /// assert!(matches!(history.check(), Err(CheckError::Violation(_))));
    /// ```
    pub fn check_within(&self, steps: u64) -> Result<Checked, CheckError> {
        let (model, operations) = (self.model(), self.operations());
        let mut objects: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for operation in operations.iter().filter(|o| !has_failed(o)) {
            objects.entry(model.key(&operation.input)).or_default().push(operation);
        }
        let mut undecided = None;
        for (key, operations) in &objects {
            match search(&problem(model, key, operations), &mut steps.clone()) {
                Verdict::Linearizable { .. } => {}
                Verdict::NotLinearizable { blocked } => {
                    let found = contradiction(model, key, operations, blocked);
                    return Err(Violation::new(model, key, operations, &found).into());
                }
                Verdict::Undecided => {
                    undecided.get_or_insert_with(|| Undecided::new(model, key, operations, steps));
                }
            }
        }
        let unknown = count_unknown(operations.iter());
        let checked = Checked { operations: operations.len(), keys: objects.len(), unknown };
        undecided.map_or(Ok(checked), |undecided| Err(undecided.into()))
    }
}

/// All that is known of an object.
fn problem<'a, M: Model>(
    model: &'a M,
    key: &'a M::Key,
    operations: &[&'a OperationOf<M>],
) -> Problem<'a, M> {
    let (mut required, mut optional) = (Vec::new(), Vec::new());
    for operation in operations {
        let (input, invoked) = (&operation.input, operation.invoked.index);
        match operation.outcome.returned() {
            Some((output, at)) => {
                required.push(Required { input, output, interval: (invoked, at.index) });
            }
            None => optional.push(Optional { input, from: invoked, once: true }),
        }
    }
    Problem { model, key, required, optional }
}

const fn has_failed<I, O>(operation: &super::Operation<I, O>) -> bool {
    matches!(operation.outcome, Outcome::Failed { .. })
}

fn count_unknown<'a, I: 'a, O: 'a>(
    operations: impl Iterator<Item = &'a super::Operation<I, O>>,
) -> usize {
    operations.filter(|o| matches!(o.outcome, Outcome::Unknown { .. })).count()
}

/// What was found to be linearizable. Reads as a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// How many operations were noted, whatever came of them.
    pub operations: usize,
    /// How many keys they are about, without those of which all operations failed.
    pub keys: usize,
    /// Of how many operations nobody knows whether they took effect.
    pub unknown: usize,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, keys, unknown } = self;
        write!(f, "{operations} operation{}", if *operations == 1 { "" } else { "s" })?;
        if *unknown > 0 {
            write!(f, " ({unknown} unknown)")?;
        }
        write!(f, ", {keys} key{}: linearizable", if *keys == 1 { "" } else { "s" })
    }
}

/// Why a history was not found to be linearizable.
#[derive(Clone, Debug, thiserror::Error)]
#[allow(clippy::exhaustive_enums, reason = "there is no third")]
pub enum CheckError {
    /// No order explains what clients saw.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// It was not found out.
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

/// The steps were not enough to tell whether a history is linearizable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{steps} steps were not enough to tell whether the history of {object} is linearizable: of its \
     {operations} operations {unknown} are unknown; check it with more steps, or let a test leave \
     fewer open"
)]
#[non_exhaustive]
pub struct Undecided {
    /// What the history is of, such as `key "k3"`: the first of which it was not found out.
    pub object: String,
    /// How many operations may have taken effect on it.
    pub operations: usize,
    /// Of how many of them nobody knows whether they did.
    pub unknown: usize,
    /// How many steps there were.
    pub steps: u64,
}

impl Undecided {
    fn new<M: Model>(model: &M, key: &M::Key, operations: &[&OperationOf<M>], steps: u64) -> Self {
        let unknown = count_unknown(operations.iter().copied());
        let (object, operations) = (model.describe_key(key), operations.len());
        Self { object, operations, unknown, steps }
    }
}
