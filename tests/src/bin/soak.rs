//! Soaks the runtime: mixed calls against five servers that are killed and hung by chance.
//!
//! `cargo run --release -p quorum-tests --bin soak -- --seconds 60 --seed 7`

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use peak_alloc::PeakAlloc;
use quorum_tests::soak::{Figures, Soak};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Mixed calls against servers that are killed, hung and slowed down by chance.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long calls are made.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Decides what happens when; by chance if it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// How many servers there are.
    #[arg(long, default_value_t = 5)]
    servers: usize,
    /// How many clients there are.
    #[arg(long, default_value_t = 3)]
    clients: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let time = Duration::from_secs(arguments.seconds);
    let soak = Soak {
        time,
        seed,
        servers: arguments.servers,
        clients: arguments.clients,
        heap: || HEAP.current_usage(),
    };
    // Shows itself on a terminal only.
    let bar = ProgressBar::new(arguments.seconds);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} s  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(format!("seed {seed}"));
    let soaked = soak.run(|passed| bar.set_position(passed.as_secs())).await;
    bar.finish_and_clear();
    match soaked {
        Ok(figures) => {
            // A reader that has gone needs no figures.
            let _ = print(&figures, seed, time);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("seed {seed}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print(figures: &Figures, seed: u64, time: Duration) -> io::Result<()> {
    let Figures { counts, restarts, hangs, tasks, max_tasks, heap, resident } = figures;
    let kib = |(before, after): &(usize, usize)| (before / 1024, after / 1024);
    let (heap, resident) = (kib(heap), kib(resident));
    let mut out = io::stdout().lock();
    writeln!(out, "{time:?} with seed {seed}: every call ended, every order held")?;
    writeln!(out, "{:>10}  calls", counts.calls())?;
    for (outcome, count) in &counts.ended {
        writeln!(out, "{count:>10}  {outcome}")?;
    }
    writeln!(out, "{:>10}  one-way, not awaited", counts.told)?;
    writeln!(out, "{restarts:>10}  servers killed and restarted")?;
    writeln!(out, "{hangs:>10}  servers hung")?;
    writeln!(out, "{:>10}  tasks before, {} after, {max_tasks} at most", tasks.0, tasks.1)?;
    writeln!(out, "{:>10}  KiB allocated before, {} after", heap.0, heap.1)?;
    writeln!(out, "{:>10}  KiB resident before, {} after", resident.0, resident.1)
}
