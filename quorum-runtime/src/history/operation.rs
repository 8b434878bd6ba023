use std::fmt;
use std::time::Duration;

/// An operation of a client, as far as it is known.
///
/// ```
/// use quorum_runtime::history::register::{Input, Output};
/// use quorum_runtime::history::{History, Outcome, Register};
///
/// let history = History::new(Register::new());
/// history.invoke(7, Input::Write("a")).returned(Output::Done);
/// let operations = history.operations();
/// assert_eq!((operations[0].client, &operations[0].input), (7, &Input::Write("a")));
/// assert!(matches!(operations[0].outcome, Outcome::Returned { output: Output::Done, .. }));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operation<I, O> {
    /// The number that the test gave the client.
    pub client: u64,
    /// What has at most one operation at a time: a client, until one of its operations is left open.
    /// From then on the client is a new process.
    pub process: u64,
    /// What was asked for.
    pub input: I,
    /// When it was.
    pub invoked: Moment,
    /// What came of it.
    pub outcome: Outcome<O>,
}

/// What came of an operation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome<O> {
    /// It took effect, some time before this.
    Returned {
        /// The answer.
        output: O,
        /// When it came.
        at: Moment,
    },
    /// It has no effect, neither before this nor later.
    Failed {
        /// When the client knew.
        at: Moment,
    },
    /// Nobody knows. It may take effect at any time after its invocation, or never.
    Unknown {
        /// When the client gave it up, if it did.
        at: Option<Moment>,
    },
}

impl<O> Outcome<O> {
    /// The answer and its moment.
    pub(super) const fn returned(&self) -> Option<(&O, Moment)> {
        match self {
            Self::Returned { output, at } => Some((output, *at)),
            _ => None,
        }
    }

    /// When the client was done with it.
    pub(super) const fn at(&self) -> Option<Moment> {
        match self {
            Self::Returned { at, .. } | Self::Failed { at } => Some(*at),
            Self::Unknown { at } => *at,
        }
    }
}

/// When something was noted. Reads as its time, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Moment {
    /// Its place among all that was noted, from 0. This decides what was before what, not the time.
    pub index: u64,
    /// The time, by the clock of the history.
    pub time: Duration,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.time.as_secs(), self.time.subsec_micros());
        // A simulation moves in milliseconds.
        match micros % 1000 {
            0 => write!(f, "{seconds}.{:03} s", micros / 1000),
            _ => write!(f, "{seconds}.{micros:06} s"),
        }
    }
}
