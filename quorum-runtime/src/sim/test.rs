//! What `#[quorum_macros::sim_test]` calls.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Result, Seeds, Simulation, sentence};
use crate::transport::BoxError;

/// A test, as the attribute knows it.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// The path of the function, that of its crate included.
    pub path: &'static str,
    /// The package of cargo's that has it.
    pub package: &'static str,
    /// How many seeds it runs.
    pub seeds: u64,
}

/// What the function of a test may return.
pub trait Outcome {
    /// What went wrong, if something did.
    fn outcome(self) -> Result;
}

impl Outcome for () {
    fn outcome(self) -> Result {
        Ok(())
    }
}

impl<T, E: Into<BoxError>> Outcome for Result<T, E> {
    fn outcome(self) -> Result {
        self.map(drop).map_err(Into::into)
    }
}

/// Runs a test with the seeds that are asked for, and panics with all that is to be known of the first
/// that fails.
pub fn run<O: Outcome>(test: Test, body: fn(&mut Simulation) -> O) {
    let seeds = match (number("QUORUM_SEED"), number("QUORUM_SEEDS")) {
        (Some(seed), _) => seed..seed.saturating_add(1),
        (None, seeds) => 0..seeds.unwrap_or(test.seeds),
    };
    let once = |sim: &mut Simulation| body(sim).outcome();
    if let Err(failed) = Seeds::new(seeds).run(once, |_, ()| {}) {
        panic!("{}", report(&test, failed.seed, &failed.error, once));
    }
}

fn report(
    test: &Test,
    seed: u64,
    error: &BoxError,
    once: impl Fn(&mut Simulation) -> Result,
) -> String {
    let name = test.path.split_once("::").map_or(test.path, |(_crate, name)| name);
    let package = test.package;
    let (error, drawing) = draw(test, name, seed, once, error);
    let mut text = format!("seed {seed}: {error}\n");
    // Writing to a string does not fail.
    let _ =
        writeln!(text, "  replay:  QUORUM_SEED={seed} cargo test -p {package} {name} -- --exact");
    let _ = match drawing {
        Ok(path) => write!(text, "  drawing: {}", path.display()),
        Err(error) => write!(text, "  drawing: there is none: {error}"),
    };
    text
}

/// Runs it once more, to see what it does; tells what went wrong this time, and where that is drawn.
fn draw(
    test: &Test,
    name: &str,
    seed: u64,
    once: impl Fn(&mut Simulation) -> Result,
    error: &BoxError,
) -> (String, Result<PathBuf>) {
    let mut sim = Simulation::new(seed);
    sim.record();
    let again = super::seeds::caught(|| once(&mut sim));
    let Err(again) = again else {
        let chance = "and the next time it did not happen: something is left to chance that the seed \
                      does not decide, for example the order of a HashMap, a clock that is not tokio's, \
                      or a thread";
        return (
            format!("{}, {chance}", sentence(&**error)),
            Err("the run that failed is not to be had again".into()),
        );
    };
    let Some(mut recording) = sim.take_recording() else {
        return (sentence(&*again), Err("the test does not run its simulation".into()));
    };
    recording.mark(&again);
    let file = format!("{}-{}-{seed}.html", test.package, name.replace("::", "-"));
    let path = drawings().join(file);
    (sentence(&*again), recording.draw(&path).map(|()| path).map_err(Into::into))
}

/// Where drawings go: beside what cargo builds.
fn drawings() -> PathBuf {
    if let Some(folder) = std::env::var_os("QUORUM_DRAWINGS") {
        return folder.into();
    }
    let exe = std::env::current_exe().unwrap_or_default();
    let deps = exe.ancestors().find(|folder| folder.ends_with("deps"));
    let target = deps.and_then(|deps| deps.parent()?.parent());
    target.map_or_else(std::env::temp_dir, Into::into).join("quorum-sim")
}

/// A number that was set from outside.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => panic!("{variable}={text} is no number: set it to one like 17, or not at all"),
    }
}
