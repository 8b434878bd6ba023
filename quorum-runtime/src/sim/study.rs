use crate::history::{History, Model};

use super::{Result, Simulation};

/// What is simulated with many seeds: a service, and what it should do.
///
/// [`Command`](super::Command) runs it from a program.
#[derive(Debug)]
pub struct Study<M: Model> {
    /// How the program is called that runs it, as a user types it: `cargo run -p storage -- sim`.
    pub program: &'static str,
    /// What the service should do, as its clients see it.
    pub model: fn() -> M,
    /// The changes that each put a mistake into the service which has to be found, by name, with a
    /// sentence each.
    pub mutants: Vec<(String, String)>,
    /// Sets up a simulation and runs it, with clients that note in the history what they see. With the
    /// name of a mutant the service is that mutant. What else must be true it checks itself.
    pub test: fn(&mut Simulation, &History<M>, Option<&str>) -> Result,
}
