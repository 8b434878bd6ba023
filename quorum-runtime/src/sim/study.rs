use crate::history::{History, Model};

use super::{Result, Simulation};

/// What is simulated with many seeds: a service, and what it should do.
///
/// [`Command`](super::Command) runs it from a program.
///
/// ```
/// use clap::Parser as _;
/// use quorum_runtime::history::register::{Input, Output, Register};
/// use quorum_runtime::history::History;
/// use quorum_runtime::sim::{Command, Result, Simulation, Study};
///
/// # #[derive(clap::Parser)]
/// # struct Arguments { #[command(flatten)] sim: Command }
/// type Map = Register<u64>;
///
/// /// The service is a number that its one client remembers; a mutant forgets it.
/// fn test(sim: &mut Simulation, seen: &History<Map>, mutant: Option<&str>) -> Result {
///     let (seen, forgets) = (seen.clone(), mutant == Some("forget"));
///     sim.clients(1, move |host| {
///         let history = host.history(&seen);
///         async move {
///             history.invoke(1, Input::Write(7)).returned(Output::Done);
///             let held = (!forgets).then_some(7);
///             history.invoke(1, Input::Read).returned(Output::Value(held));
///             Ok(())
///         }
///     });
///     sim.run()?;
///     Ok(())
/// }
///
/// let study = Study {
///     program: "cargo run -p number -- sim",
///     model: Map::new,
///     mutants: vec![("forget".to_owned(), "Forgets the number.".to_owned())],
///     test,
/// };
/// let arguments = Arguments::parse_from(["number", "--seeds", "10"]);
/// let _exit_code = arguments.sim.run(&study); // 10 seeds, 20 operations, 0 violations
/// ```
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
