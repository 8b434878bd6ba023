//! `compare`: peers side by side.

mod medians;
mod process;

use anyhow::{Result, ensure};
use clap::ValueEnum as _;

use crate::Outcome;
use crate::arguments::Compare;
use crate::case::{Case, bar, cases, distinct};
use crate::chart::chart;
use crate::measurement::Measurement;
use crate::output::{self, Lines, create};
use crate::peers::Peer;
pub(crate) use medians::{Medians, ours};
pub(crate) use process::{run_of, this_program};

pub(crate) async fn compare(arguments: &Compare) -> Result<Outcome> {
    let mut lines = arguments.json.as_deref().map(Lines::open).transpose()?;
    let drawing = arguments.chart.as_deref().map(create).transpose()?;
    let peers = peers(&arguments.peers).await;
    ensure!(!peers.is_empty(), "there is no peer to measure");
    let (medians, is_complete) = measure(arguments, &peers, lines.as_mut()).await?;
    ensure!(!medians.is_empty(), "nothing could be measured");
    if !lines.as_ref().is_some_and(Lines::is_stdout) {
        output::print(medians.table().trim_end())?;
    }
    if let Some(mut drawing) = drawing {
        std::io::Write::write_all(&mut drawing, chart(&medians).as_bytes())?;
    }
    let is_complete = is_complete && peers.len() == distinct(&arguments.peers).len();
    Ok(Outcome::complete(is_complete))
}

/// Those that can be measured, in the order in which they were named. Says why the others can't.
pub(crate) async fn peers(names: &[String]) -> Vec<Peer> {
    let mut peers = Vec::new();
    for name in distinct(names) {
        let Ok(peer) = Peer::from_str(name, false) else {
            let known = Peer::value_variants().iter().map(ToString::to_string);
            let known = known.collect::<Vec<_>>().join(", ");
            eprintln!("there is no peer `{name}`, it is left out: the peers are {known}");
            continue;
        };
        match peer.prepare().await {
            Ok(()) => peers.push(peer),
            Err(error) => eprintln!("{peer} is left out: {error:#}"),
        }
    }
    peers
}

/// Runs all peers in turn, as often as was asked for, so that a machine that is busy for a while is so
/// for all of them. A run that fails is named, and the others go on.
async fn measure(
    arguments: &Compare,
    peers: &[Peer],
    mut lines: Option<&mut Lines>,
) -> Result<(Medians, bool)> {
    let cases = cases(&arguments.cases);
    let bar = bar(cases.len() * arguments.repeats * peers.len());
    let (mut medians, mut is_complete) = (Medians::default(), true);
    for case in cases {
        for repeat in 1..=arguments.repeats {
            for &peer in peers {
                let Case { nodes, payload, callers } = case;
                bar.set_message(format!("{peer}: {case}"));
                bar.tick();
                match process::run(peer, case, arguments).await {
                    Ok(figures) => {
                        let (call, repeat) = ("quorumcall", Some(repeat));
                        let run = Measurement {
                            peer: peer.to_string(),
                            call,
                            nodes,
                            payload,
                            callers,
                            figures,
                            repeat,
                            phase: None,
                        };
                        if let Some(lines) = &mut lines {
                            lines.write(&run)?;
                        }
                        medians.add(case, peer, run.figures);
                    }
                    Err(error) => {
                        is_complete = false;
                        bar.suspend(|| {
                            eprintln!(
                                "a run of {peer} with {case} failed, and is left out: {error:#}"
                            );
                        });
                    }
                }
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok((medians, is_complete))
}
