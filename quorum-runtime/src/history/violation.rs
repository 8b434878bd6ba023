use std::fmt;

use super::contradiction::Contradiction;
use super::recorder::OperationOf;
use super::{Model, Moment};

/// No order of the operations explains what clients saw. Reads as a sentence, with the operations
/// that contradict each other below it, one a line.
///
/// These are few of all: the others could have taken effect at any time, many times or never, and
/// still there would be no order. Most often there is none of them too many
/// ([`is_minimal`](Self::is_minimal)).
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
/// use quorum_runtime::history::key_value::{Input, Output};
/// use quorum_runtime::history::{CheckError, History, KeyValue};
///
/// let ticks = AtomicU64::new(0);
/// let clock = move || Duration::from_millis(100) * ticks.fetch_add(1, Ordering::Relaxed) as u32;
/// let history = History::new(KeyValue::new()).with_clock(clock);
/// for value in ["a", "b", "c"] {
///     history.invoke(1, Input::Write { key: "k3", value }).returned(Output::Done);
/// }
/// history.invoke(2, Input::Read { key: "k3" }).returned(Output::Value(Some("a")));
/// history.invoke(2, Input::Read { key: "k3" }).returned(Output::Value(Some("c")));
///
/// let Err(CheckError::Violation(violation)) = history.check() else { panic!() };
/// assert_eq!(
///     violation.to_string(),
///     r#"the history of key "k3" is not linearizable: client 2 read "a" at "k3" between 0.600 s and 0.700 s, after client 1 wrote "c" at "k3" (acknowledged at 0.500 s); no order explains these 3 of 5 operations, whatever the others did:
///   client 1: 0.000 s to 0.100 s: wrote "a" at "k3"
///   client 1: 0.400 s to 0.500 s: wrote "c" at "k3"
/// > client 2: 0.600 s to 0.700 s: read "a" at "k3""#,
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Text(self))]
pub struct Violation {
    object: String,
    witnesses: Vec<Witness>,
    /// Which of them returned what no order explains.
    culprit: usize,
    operations: usize,
    minimal: bool,
}

/// An operation that is part of a contradiction. Reads as a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Witness {
    /// The number of the client.
    pub client: u64,
    /// The [process](super::Operation::process).
    pub process: u64,
    /// When it was invoked; the index tells it from all other operations.
    pub invoked: Moment,
    /// When it returned, if it did.
    pub returned: Option<Moment>,
    /// What the client did, or was to do: `wrote "b"`, `write "b"`.
    pub text: String,
}

impl Violation {
    pub(super) fn new<M: Model>(
        model: &M,
        key: &M::Key,
        operations: &[&OperationOf<M>],
        found: &Contradiction,
    ) -> Self {
        let Contradiction { members, culprit, minimal } = found;
        let witness = |member: &usize| Witness::new(model, operations[*member]);
        Self {
            object: model.describe_key(key),
            witnesses: members.iter().map(witness).collect(),
            culprit: members.iter().position(|member| member == culprit).unwrap_or(0),
            operations: operations.len(),
            minimal: *minimal,
        }
    }

    /// What the history is of: `key "k3"`.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.object
    }

    /// The operations that contradict each other, in the order of their invocations.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// That of them which returned what no order explains: all that was before its return is
    /// linearizable. Where the witnesses are not known to be minimal, it is one of them.
    #[must_use]
    pub fn culprit(&self) -> &Witness {
        &self.witnesses[self.culprit]
    }

    /// Whether every one of the [`witnesses`](Self::witnesses) is needed for the contradiction. The
    /// search for fewer is given up after some seconds.
    #[must_use]
    pub const fn is_minimal(&self) -> bool {
        self.minimal
    }

    /// The first line, without what follows the `;`.
    fn sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let culprit = self.culprit();
        let Witness { client, invoked, text, .. } = culprit;
        write!(f, "the history of {} is not linearizable: client {client} {text}", self.object)?;
        match culprit.returned {
            Some(returned) => write!(f, " between {invoked} and {returned}")?,
            None => write!(f, " after {invoked}")?,
        }
        if let Some((Witness { client, text, .. }, at)) = self.last_before(culprit) {
            write!(f, ", after client {client} {text} (acknowledged at {at})")?;
        }
        Ok(())
    }

    /// The last of the others that had returned before this one was invoked.
    fn last_before(&self, witness: &Witness) -> Option<(&Witness, Moment)> {
        let returned = |other| Witness::returned_before(other, witness);
        self.witnesses.iter().filter_map(returned).max_by_key(|(_, at)| at.index)
    }
}

impl Witness {
    fn new<M: Model>(model: &M, operation: &OperationOf<M>) -> Self {
        let returned = operation.outcome.returned();
        Self {
            client: operation.client,
            process: operation.process,
            invoked: operation.invoked,
            returned: returned.map(|(_, at)| at),
            text: model.describe(&operation.input, returned.map(|(output, _)| output)),
        }
    }

    fn returned_before(&self, other: &Self) -> Option<(&Self, Moment)> {
        let at = self.returned?;
        (at.index < other.invoked.index).then_some((self, at))
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, invoked, text, .. } = self;
        match self.returned {
            Some(returned) => write!(f, "client {client}: {invoked} to {returned}: {text}"),
            None => write!(f, "client {client}: from {invoked}, no answer: {text}"),
        }
    }
}

/// How many operations are shown when there was no time to find fewer.
const MAX_LINES: usize = 100;

struct Text<'a>(&'a Violation);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { witnesses, operations, culprit, .. } = self.0;
        self.0.sentence(f)?;
        if let [_] = &witnesses[..] {
            return f.write_str(", which no order explains, whatever the other operations did");
        }
        let count = witnesses.len();
        match operations - count {
            0 => write!(f, "; no order explains these {count} operations:")?,
            _ => write!(
                f,
                "; no order explains these {count} of {operations} operations, whatever the others did:"
            )?,
        }
        // The culprit is among the last.
        let left_out = count.saturating_sub(MAX_LINES);
        if left_out > 0 {
            write!(f, "\n  ({left_out} earlier ones)")?;
        }
        for (number, witness) in witnesses.iter().enumerate().skip(left_out) {
            let mark = if number == *culprit { '>' } else { ' ' };
            write!(f, "\n{mark} {witness}")?;
        }
        Ok(())
    }
}
