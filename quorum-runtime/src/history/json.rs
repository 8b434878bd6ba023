use std::io::{self, BufRead, Write};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::log::Log;
use super::{History, Model, Moment, Outcome};

impl<M: Model> History<M> {
    /// Writes the history for another program: each event as a JSON object in a line of its own. Give a
    /// file in a [`BufWriter`](io::BufWriter).
    ///
    /// The events are those that Jepsen and Knossos know, by the same names. All have these fields:
    ///
    /// | field | what |
    /// |---|---|
    /// | `index` | the place among all events, from 0. This decides what was before what |
    /// | `time` | nanoseconds since the history began. Several events can have the same |
    /// | `process` | has at most one operation at a time, and none after an `info` |
    /// | `client` | the number that the test gave the client; it is as many processes as it needs |
    /// | `type` | `invoke`: it asks for something. `ok`: that took effect since. `fail`: it has no effect, nor will it have one. `info`: nobody knows; it may have taken effect, may do so later, or never |
    ///
    /// An `invoke` has the `input`. The other types have `invocation`, the `index` of their `invoke`,
    /// which is the last of the same process; and `ok` has the `output`. An operation of which there is
    /// only the `invoke` was open when the history was written: read it as one with an `info`.
    ///
    /// Inputs and outputs are as serde writes them; those of the models here are shown at
    /// [`register::Input`](super::register::Input), [`key_value::Input`](super::key_value::Input) and
    /// [`Output`](super::register::Output).
    ///
    /// # Errors
    ///
    /// When it cannot be written, or when serde cannot make JSON of an input or output.
    ///
    /// ```
    /// use std::time::Duration;
    /// use quorum_runtime::history::key_value::{Input, Output};
    /// use quorum_runtime::history::{History, KeyValue};
    ///
    /// let history = History::new(KeyValue::new()).with_clock(|| Duration::from_micros(7));
    /// let write = history.invoke(5, Input::Write { key: "k", value: "a" });
    /// history.invoke(6, Input::Read { key: "k" }).returned(Output::Value(None));
    /// drop(write);
    /// let swap = Input::CompareAndSet { key: "k", expected: Some("a"), new: "b" };
    /// history.invoke(5, swap).returned(Output::Changed(true));
    /// history.invoke(6, Input::Delete { key: "k" }).failed();
    ///
    /// let mut lines = Vec::new();
    /// history.write_json(&mut lines)?;
    /// assert_eq!(
    ///     String::from_utf8(lines)?,
    ///     r#"{"index":0,"time":7000,"process":0,"client":5,"type":"invoke","input":{"f":"write","key":"k","value":"a"}}
    /// {"index":1,"time":7000,"process":1,"client":6,"type":"invoke","input":{"f":"read","key":"k"}}
    /// {"index":2,"time":7000,"process":1,"client":6,"type":"ok","invocation":1,"output":{"value":null}}
    /// {"index":3,"time":7000,"process":0,"client":5,"type":"info","invocation":0}
    /// {"index":4,"time":7000,"process":2,"client":5,"type":"invoke","input":{"f":"compare-and-set","key":"k","expected":"a","new":"b"}}
    /// {"index":5,"time":7000,"process":2,"client":5,"type":"ok","invocation":4,"output":{"changed":true}}
    /// {"index":6,"time":7000,"process":1,"client":6,"type":"invoke","input":{"f":"delete","key":"k"}}
    /// {"index":7,"time":7000,"process":1,"client":6,"type":"fail","invocation":6}
    /// "#,
    /// );
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()>
    where
        M::Input: Serialize,
        M::Output: Serialize,
    {
        let operations = self.operations();
        let mut lines: Vec<_> = operations.iter().flat_map(lines).collect();
        lines.sort_unstable_by_key(|line| line.index);
        for line in lines {
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Reads what [`write_json`](Self::write_json) wrote, so that it can be checked again.
    ///
    /// # Errors
    ///
    /// [`ReadError`] names the line at which it is no history.
    ///
    /// ```
    /// use quorum_runtime::history::{History, Register};
    ///
    /// let file = r#"
    /// {"index":0,"time":0,"process":0,"client":1,"type":"invoke","input":{"f":"write","value":"a"}}
    /// {"index":1,"time":5,"process":0,"client":1,"type":"ok","invocation":0,"output":"done"}
    /// {"index":2,"time":9,"process":1,"client":2,"type":"invoke","input":{"f":"read"}}
    /// {"index":3,"time":9,"process":1,"client":2,"type":"ok","invocation":2,"output":{"value":null}}
    /// "#;
    /// let history = History::read_json(Register::<String>::new(), file.as_bytes())?;
    /// assert_eq!(
    ///     history.check().unwrap_err().to_string().lines().next().unwrap(),
    ///     r#"the history of the register is not linearizable: client 2 found nothing between 0.000 s and 0.000 s, after client 1 wrote "a" (acknowledged at 0.000 s); no order explains these 2 operations:"#,
    /// );
    /// # Ok::<_, quorum_runtime::history::ReadError>(())
    /// ```
    pub fn read_json(model: M, from: impl BufRead) -> Result<Self, ReadError>
    where
        M::Input: DeserializeOwned,
        M::Output: DeserializeOwned,
    {
        let mut log = Log::default();
        for (number, text) in from.lines().enumerate() {
            let (text, line) = (text?, number + 1);
            if !text.trim().is_empty() {
                let event = serde_json::from_str(&text)
                    .map_err(|source| ReadError::Line { line, source })?;
                read(&mut log, event).map_err(|reason| ReadError::Order { line, reason })?;
            }
        }
        Ok(Self::of(model, log))
    }
}

/// An event, as it is written.
#[derive(Serialize, Deserialize)]
struct Line<I, O> {
    index: u64,
    time: u64,
    process: u64,
    client: u64,
    #[serde(flatten)]
    event: Event<I, O>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Event<I, O> {
    Invoke { input: I },
    Ok { invocation: u64, output: O },
    Fail { invocation: u64 },
    Info { invocation: u64 },
}

fn lines<I, O>(operation: &super::Operation<I, O>) -> impl Iterator<Item = Line<&I, &O>> {
    let invocation = operation.invoked.index;
    let completed = match &operation.outcome {
        Outcome::Returned { output, .. } => Event::Ok { invocation, output },
        Outcome::Failed { .. } => Event::Fail { invocation },
        Outcome::Unknown { .. } => Event::Info { invocation },
    };
    let invoked = (operation.invoked, Event::Invoke { input: &operation.input });
    let completed = operation.outcome.at().map(|at| (at, completed));
    std::iter::once(invoked).chain(completed).map(|(at, event)| Line {
        index: at.index,
        time: u64::try_from(at.time.as_nanos()).unwrap_or(u64::MAX),
        process: operation.process,
        client: operation.client,
        event,
    })
}

/// Notes an event that was read.
fn read<I, O>(log: &mut Log<I, O>, line: Line<I, O>) -> Result<(), &'static str> {
    let at = Moment { index: line.index, time: Duration::from_nanos(line.time) };
    let (invocation, outcome) = match line.event {
        Event::Invoke { input } => {
            return log.read_invocation(line.client, line.process, input, at);
        }
        Event::Ok { invocation, output } => (invocation, Outcome::Returned { output, at }),
        Event::Fail { invocation } => (invocation, Outcome::Failed { at }),
        Event::Info { invocation } => (invocation, Outcome::Unknown { at: Some(at) }),
    };
    log.read_completion(line.process, invocation, outcome)
}

/// Why a history could not be read.
///
/// ```
/// use quorum_runtime::history::{History, Register};
///
/// let event = r#"{"index":4,"time":0,"process":0,"client":1,"type":"fail","invocation":3}"#;
/// let error = History::read_json(Register::<u64>::new(), event.as_bytes()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "line 1 does not follow from those before: its process has no operation open that was invoked there",
/// );
/// let error = History::read_json(Register::<u64>::new(), &b"\n{}"[..]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "line 2 is no event of a history: missing field `index` at line 1 column 2",
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be read.
    #[error("cannot read the history: {0}")]
    Io(#[from] io::Error),
    /// A line is not what is written there.
    #[error("line {line} is no event of a history: {source}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line is an event that can't be there.
    #[error("line {line} does not follow from those before: {reason}")]
    Order {
        /// Its number, from 1.
        line: usize,
        /// Why not.
        reason: &'static str,
    },
}
