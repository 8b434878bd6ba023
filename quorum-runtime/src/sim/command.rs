//! The subcommand by which a program lets its users simulate it.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::time::Instant;

use super::output::{Refusal, ended, print};
use super::seeds::caught;
use super::{RunError, Schedule, SeedError, Seeds, Simulation, Study, sentence};
use crate::history::{History, Model};
use crate::trace::Format;
use crate::transport::BoxError;

/// What a user may ask of a simulation, as arguments of [clap](https://docs.rs/clap).
///
/// A program flattens it into a subcommand of its own and [runs](Self::run) it with a [`Study`].
///
/// ```
/// use clap::Parser;
/// use quorum_runtime::sim::Command;
///
/// #[derive(Parser)]
/// enum Program {
///     /// Runs the service under faults, and checks what its clients see.
///     Sim(Command),
/// }
///
/// let Program::Sim(_command) = Program::parse_from(["storage", "sim", "--seeds", "1000"]);
/// ```
#[derive(Clone, Debug, clap::Args)]
pub struct Command {
    /// How many seeds to run: 0, 1, and so on.
    #[arg(long, value_name = "COUNT", default_value_t = 100, conflicts_with = "seed")]
    seeds: u64,

    /// Run this seed alone.
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,

    /// Draw the run of --seed, as a file that ends in .html, .svg, .shiviz, .json (Chrome, Perfetto) or
    /// .txt.
    #[arg(long, value_name = "FILE", requires = "seed")]
    trace: Option<PathBuf>,

    /// Write what the clients of --seed saw, as JSON lines.
    #[arg(long, value_name = "FILE", requires = "seed")]
    history: Option<PathBuf>,

    /// Faults to come in place of those that the seed draws: "1s crash 2; 2s start 2", or a file that
    /// says so, as @FILE.
    #[arg(long, value_name = "FAULTS")]
    schedule: Option<String>,

    /// Run this mutant of the service, which has a mistake that should be found.
    #[arg(long, value_name = "NAME")]
    mutant: Option<String>,

    /// Name the mutants, one a line, and do nothing else.
    #[arg(long)]
    list_mutants: bool,

    /// How many runs go on at once; a run has one thread. Default: one for each core.
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
}

/// What became of many runs.
#[derive(Default)]
struct Sum {
    operations: u64,
    simulated: Duration,
}

impl Command {
    /// Runs the simulation as it was asked for, and prints what came of it.
    ///
    /// The exit code is 0 when no seed went wrong, 1 when one did: then the first that did is
    /// explained and drawn, with the command that runs it again. It is 2 when nothing could be run.
    pub fn run<M: Model<Input: Serialize, Output: Serialize>>(&self, study: &Study<M>) -> ExitCode {
        if self.list_mutants {
            let names = study.mutants.iter().map(|(name, _)| name);
            return ended({ names }.try_for_each(print).map(|()| ExitCode::SUCCESS));
        }
        ended(self.asked(study).and_then(|asked| match self.seed {
            Some(seed) => asked.one(seed),
            None => asked.many(),
        }))
    }

    /// What was asked for, once it is understood.
    fn asked<'a, M: Model>(&'a self, study: &'a Study<M>) -> Result<Asked<'a, M>, Refusal> {
        let schedule = self.schedule.as_deref().map(read_schedule).transpose()?;
        if let Some(name) = &self.mutant
            && !study.mutants.iter().any(|(mutant, _)| mutant == name)
        {
            let names: Vec<_> = study.mutants.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!("there is no mutant {name}: there are {}", names.join(", ")));
        }
        for path in [&self.trace, &self.history].into_iter().flatten() {
            check_writable(path)?;
        }
        if let Some(path) = &self.trace {
            Format::of(path).map_err(|error| error.to_string())?;
        }
        Ok(Asked { command: self, study, schedule })
    }
}

struct Asked<'a, M: Model> {
    command: &'a Command,
    study: &'a Study<M>,
    schedule: Option<Schedule>,
}

/// One run, and what its clients saw.
struct Ran<M: Model> {
    sim: Simulation,
    history: History<M>,
    outcome: super::Result,
}

impl<M: Model<Input: Serialize, Output: Serialize>> Asked<'_, M> {
    fn one(&self, seed: u64) -> Result<ExitCode, Refusal> {
        let mut ran = self.ran(seed, true);
        if let Some(refusal) = ran.outcome.as_ref().err().and_then(refusal) {
            return Err(refusal);
        }
        if let Some(path) = &self.command.history {
            let written = create(path).and_then(|mut file| {
                ran.history.write_json(&mut file)?;
                file.flush()
            });
            written.map_err(|error| unwritable(path, &error))?;
            print(format_args!("history: {}", path.display()))?;
        }
        if let Some(path) = &self.command.trace {
            draw(&mut ran, path)?;
            print(format_args!("drawing: {}", path.display()))?;
        }
        let operations = ran.history.operations().len();
        match ran.outcome {
            Ok(()) => {
                print(format_args!("seed {seed}: {operations} operations, 0 violations"))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                print(format_args!("seed {seed}: {}", sentence(&*error)))?;
                Ok(ExitCode::FAILURE)
            }
        }
    }

    fn many(&self) -> Result<ExitCode, Refusal> {
        let seeds = self.command.seeds;
        let (bar, begun) = (progress(seeds), Instant::now());
        let sum = Mutex::new(Sum::default());
        let runs = Seeds::new(0..seeds);
        let runs = self.command.threads.into_iter().fold(runs, Seeds::threads);
        let ended = runs.run_with(
            |seed| {
                let ran = self.ran(seed, false);
                let operations = ran.history.operations().len() as u64;
                ran.outcome.map(|()| (operations, ran.sim.elapsed()))
            },
            |_, (operations, elapsed)| {
                let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                sum.operations += operations;
                sum.simulated += elapsed;
                bar.inc(1);
            },
        );
        bar.finish_and_clear();
        let sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        match ended {
            Ok(()) => {
                let took = begun.elapsed().as_secs_f64().max(1e-9);
                let (rate, simulated) = (seeds as f64 / took, sum.simulated.as_secs_f64());
                let pace = simulated / took;
                let operations = sum.operations;
                print(format_args!("{rate:.1} seeds/s, {pace:.0} simulated seconds a second"))?;
                print(format_args!("{seeds} seeds, {operations} operations, 0 violations"))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => match refusal(&error.error) {
                Some(refusal) => Err(refusal),
                None => self.explain(&error),
            },
        }
    }

    /// Runs a seed that went wrong once more, and draws it.
    fn explain(&self, error: &SeedError) -> Result<ExitCode, Refusal> {
        let seed = error.seed;
        let mut ran = self.ran(seed, true);
        let violation = match &ran.outcome {
            Err(again) => sentence(&**again),
            Ok(()) => format!("{}, and the next time it did not happen", error.error),
        };
        print(format_args!("seed {seed}: {violation}"))?;
        print(format_args!("replay:  {}", self.replay(seed)))?;
        let path = PathBuf::from(format!("sim-{seed}.html"));
        match draw(&mut ran, &path) {
            Ok(()) => print(format_args!("drawing: {}", path.display()))?,
            Err(error) => print(format_args!("drawing: there is none: {error}"))?,
        }
        Ok(ExitCode::FAILURE)
    }

    fn replay(&self, seed: u64) -> String {
        let mut command = format!("{} --seed {seed}", self.study.program);
        if let Some(mutant) = &self.command.mutant {
            command += &format!(" --mutant {mutant}");
        }
        if let Some(schedule) = &self.schedule {
            command += &format!(" --schedule '{schedule}'");
        }
        command
    }

    fn ran(&self, seed: u64, is_recorded: bool) -> Ran<M> {
        let mut sim = Simulation::new(seed);
        if is_recorded {
            sim.record();
        }
        if let Some(schedule) = &self.schedule {
            sim.fix_schedule(schedule.clone());
        }
        let history = History::new((self.study.model)());
        let mutant = self.command.mutant.as_deref();
        let ran = caught(|| (self.study.test)(&mut sim, &history, mutant));
        let outcome = ran.and_then(|()| history.check().map(drop).map_err(BoxError::from));
        Ran { sim, history, outcome }
    }
}

/// What is wrong with what was asked for, where it shows only in a run.
fn refusal(error: &BoxError) -> Option<Refusal> {
    match error.downcast_ref() {
        Some(unknown @ RunError::Unknown { .. }) => Some(unknown.to_string()),
        _ => None,
    }
}

fn progress(seeds: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {eta} to go");
    ProgressBar::new(seeds).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn read_schedule(text: &str) -> Result<Schedule, Refusal> {
    let text = match text.strip_prefix('@') {
        Some(path) => &*std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read the schedule in {path}: {error}"))?,
        None => text,
    };
    text.parse().map_err(|error: super::ScheduleError| error.to_string())
}

/// Before a long run, not after it.
fn check_writable(path: &Path) -> Result<(), Refusal> {
    let existed = path.exists();
    let opened = File::options().append(true).create(true).open(path);
    opened.map_err(|error| unwritable(path, &error))?;
    if !existed {
        // It is written later, or never.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

fn draw<M: Model>(ran: &mut Ran<M>, path: &Path) -> Result<(), Refusal> {
    let mut recording = ran.sim.take_recording().ok_or("the simulation was not run")?;
    if let Err(error) = &ran.outcome {
        recording.mark(error);
    }
    recording.draw(path).map_err(|error| unwritable(path, &error))
}

fn create(path: &Path) -> io::Result<BufWriter<File>> {
    File::create(path).map(BufWriter::new)
}

fn unwritable(path: &Path, error: &io::Error) -> Refusal {
    format!("cannot write {}: {error}", path.display())
}
