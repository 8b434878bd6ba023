//! The picture of the chapter 'Testing your protocol': what contradicts itself in the first run of its
//! test that goes wrong. `UPDATE_EXPECT=1` puts it into the chapter.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use quorum_runtime::history::register::{Input, Output};
use quorum_runtime::history::{self, CheckError, History, Model as _, Outcome, Violation};
use quorum_runtime::sim::{Faults, Recording, Seeds, Simulation};
use quorum_runtime::trace::{Format, Trace};
use quorum_runtime::{Event, EventKind, Process};
use tokio::time::Instant;

use super::{Model, client, node};

type Operation = history::Operation<Input<u64>, Output<u64>>;

#[test]
fn the_picture_shows_what_contradicts_itself() {
    let fails = |sim: &mut Simulation| run(sim).1.map_or(Ok(()), |violation| Err(violation.into()));
    let seed = Seeds::new(0..200).run(fails, |_, ()| {}).unwrap_err().seed;
    let mut sim = Simulation::new(seed);
    let (history, violation) = run(sim.record());
    let violation = violation.unwrap();
    let mut picture = Vec::new();
    drawn(&sim.take_recording().unwrap(), &history, &violation)
        .write(Format::Svg, &mut picture)
        .unwrap();
    let picture = String::from_utf8(picture).unwrap();
    for witness in violation.witnesses() {
        assert!(picture.contains(&format!("client {}", witness.client)), "{picture}");
        assert!(picture.contains(&witness.text), "{picture}");
    }
    assert!(picture.len() < 50_000, "it is {} bytes long", picture.len());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testing.svg");
        std::fs::write(path, picture).unwrap();
    }
}

/// What the test of the chapter does.
fn run(sim: &mut Simulation) -> (History<Model>, Option<Violation>) {
    let history = History::new(Model::holding(0));
    let seen = history.clone();
    let (nodes, clients) = (sim.draw(3..=5), sim.draw(3..=5));
    sim.nodes(nodes, node).clients(clients, move |host| client(host, seen.clone()));
    sim.faults(Faults::network()).run().unwrap();
    let violation = match history.check() {
        Err(CheckError::Violation(violation)) => Some(violation),
        _ => None,
    };
    (history, violation)
}

/// The operations of the violation and the writes that they have seen, with their messages.
fn drawn(recording: &Recording, history: &History<Model>, violation: &Violation) -> Trace {
    let events = recording.events();
    let operations = history.operations();
    let witnesses = violation.witnesses().iter().map(|witness| witness.invoked.index);
    let witnesses: BTreeSet<_> = witnesses.collect();
    let is_witness = |one: &&Operation| witnesses.contains(&one.invoked.index);
    let seen = operations.iter().filter(is_witness).filter_map(|one| match one.outcome {
        Outcome::Returned { output: Output::Value(Some(version)), .. } => Some(version),
        _ => None,
    });
    let seen: BTreeSet<_> = seen.collect();
    let is_seen = |one: &Operation| matches!(&one.input, Input::Write(v) if seen.contains(v));
    let shown = operations.iter().filter(|one| is_witness(one) || is_seen(one));
    let shown: Vec<_> = shown.map(|one| Shown::find(events, one)).collect();
    let is_shown = |event: &&Event| shown.iter().any(|one| one.has(event));
    let trace = Trace::new(events.iter().filter(is_shown).cloned());
    shown
        .iter()
        .fold(trace, |trace, one| trace.name(one.client, &one.name).name(one.manager, &one.name))
}

/// What is drawn of an operation: what its client says of it, and its call.
struct Shown {
    name: String,
    times: RangeInclusive<Instant>,
    client: Process,
    manager: Process,
    sequence: u64,
}

impl Shown {
    fn find(events: &[Event], operation: &Operation) -> Self {
        let (begun, name) = (events[0].time, format!("client {}", operation.client));
        let (text, end) = match &operation.outcome {
            Outcome::Returned { output, at } => {
                (Model::new().describe(&operation.input, Some(output)), *at)
            }
            Outcome::Unknown { at: Some(at) } => {
                (Model::new().describe(&operation.input, None), *at)
            }
            other => panic!("{other:?}"),
        };
        let (from, to) = (begun + operation.invoked.time, begun + end.time);
        let said =
            |event: &&Event| event.time == to && event.to_string().ends_with(&format!(": {text}"));
        let client = events.iter().find(said).unwrap().at;
        let has_ended = |called: &Event| {
            let is_end = |event: &Event| matches!(event.kind, EventKind::Ended { .. });
            let same = |event: &&Event| (event.at, event.sequence) == (called.at, called.sequence);
            events.iter().filter(same).any(|event| is_end(event) && event.time == to)
        };
        let is_call = |event: &&Event| {
            matches!(event.kind, EventKind::Called { .. }) && event.time == from && has_ended(event)
        };
        let call = events.iter().find(is_call).unwrap();
        Self { name, times: from..=to, client, manager: call.at, sequence: call.sequence }
    }

    fn has(&self, event: &Event) -> bool {
        let is_said = event.at == self.client && self.times.contains(&event.time);
        let is_near = |process: Process| process.incarnation == self.manager.incarnation;
        let is_of_call = event.sequence == self.sequence
            && (is_near(event.at) || event.peer.is_some_and(is_near));
        is_said || is_of_call
    }
}
