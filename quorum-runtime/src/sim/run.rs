use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use super::witnesses::witnesses;
use super::{Place, Schedule};
use crate::observe::{Event, Process};
use crate::trace::{DescriptorError, Format, Trace};
use crate::transport::BoxError;

/// A run that came to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Run {
    /// The simulated time that it took.
    pub elapsed: Duration,
    /// What was done to it.
    pub schedule: Schedule,
}

/// Why a run did not come to its end. Reads like a sentence.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A program ended with an error, or a node without one.
    #[error("{} {}", Name(*place), Ending(error))]
    Ended {
        /// On which machine.
        place: Place,
        /// What it ended with.
        error: Option<String>,
    },
    /// Some clients did not end although everything had healed.
    #[error(
        "nothing works any more: everything healed, and after {after:?} of simulated time{}",
        Waits(at)
    )]
    Stuck {
        /// The [patience](super::Simulation::patience) of the simulation.
        after: Duration,
        /// Which clients have not ended, and what they wait for, as far as that was recorded.
        at: Vec<(Place, String)>,
    },
    /// The schedule has a machine that the simulation has not.
    #[error(
        "the schedule has {}, and there are {nodes} nodes and {clients} clients, which are numbered \
         from 1",
        Name(*place)
    )]
    Unknown {
        /// Which machine.
        place: Place,
        /// How many nodes there are.
        nodes: u32,
        /// How many clients there are.
        clients: u32,
    },
}

/// All events of a run, by the clock that its machines share.
///
/// ```
/// use quorum_runtime::sim::Simulation;
///
/// let mut sim = Simulation::new(1);
/// sim.clients(1, |host| async move {
///     host.note("hello");
///     Ok(())
/// });
/// sim.record().run()?;
/// let recording = sim.take_recording().ok_or("it was recorded")?;
/// assert!(recording.trace()?.to_text().contains("client 1  noted: hello"));
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("run.html");
/// recording.draw(&path)?; // for a browser
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) events: Vec<Event>,
    pub(super) names: BTreeMap<u64, Place>,
    pub(super) descriptors: &'static [u8],
    /// Calls that a reader wants to see first.
    pub(super) marked: Vec<(Process, u64)>,
}

impl Recording {
    /// The events, in the order of their times on each machine.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Marks the calls that an error is about, if it is a [violation](crate::history::Violation) of what
    /// clients saw whose histories have their [numbers](super::Host::number). A drawing opens where they
    /// begin.
    pub fn mark(&mut self, error: &BoxError) {
        self.marked = witnesses(error, self);
    }

    /// The run as a trace, which can be drawn and written.
    ///
    /// # Errors
    ///
    /// When what the simulation was given as [descriptors](super::Simulation::descriptors) is none.
    pub fn trace(&self) -> Result<Trace, DescriptorError> {
        let trace = Trace::new(self.events.iter().cloned());
        let mut clients: Vec<_> =
            self.names.iter().filter(|(_, place)| matches!(place, Place::Client(_))).collect();
        clients.sort_by_key(|(_, place)| *place);
        let trace = clients.into_iter().fold(trace, |trace, (run, place)| {
            trace.name(Process::run(*run), Name(*place).to_string())
        });
        let trace =
            self.marked.iter().fold(trace, |trace, (caller, call)| trace.highlight(*caller, *call));
        if self.descriptors.is_empty() { Ok(trace) } else { trace.descriptors(self.descriptors) }
    }

    /// Writes the trace to a file, in the format that its name ends with, and makes its folder.
    ///
    /// # Errors
    ///
    /// When the name ends with that of no [`Format`], or when the file cannot be written.
    pub fn draw(&self, path: &Path) -> io::Result<()> {
        let invalid = |error: BoxError| io::Error::new(io::ErrorKind::InvalidInput, error);
        let format = Format::of(path).map_err(|error| invalid(error.into()))?;
        let trace = self.trace().map_err(|error| invalid(error.into()))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = BufWriter::new(File::create(path)?);
        trace.write(format, &mut file)?;
        file.flush()
    }
}

/// A place as a sentence has it.
struct Name(Place);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Place::Node(number) => write!(f, "node {number}"),
            Place::Client(number) => write!(f, "client {number}"),
        }
    }
}

struct Ending<'a>(&'a Option<String>);

impl fmt::Display for Ending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(error) => write!(f, "failed: {error}"),
            None => f.write_str("ended, and nothing had told it to"),
        }
    }
}

struct Waits<'a>(&'a [(Place, String)]);

impl fmt::Display for Waits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (place, wait)) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { " " } else { "; " })?;
            write!(f, "{} has not ended{wait}", Name(*place))?;
        }
        Ok(())
    }
}
