//! The picture of the chapter 'Testing your protocol': what contradicts itself in the first run of its
//! test that goes wrong. `UPDATE_EXPECT=1` puts it into the chapter.

use std::ops::RangeInclusive;
use std::path::Path;

use quorum_runtime::history::{CheckError, History, Violation, Witness};
use quorum_runtime::sim::{Faults, Recording, Seeds, Simulation};
use quorum_runtime::trace::{Format, Trace};
use quorum_runtime::{Event, EventKind, Process};
use tokio::time::Instant;

use super::{Model, client, node};

#[test]
fn the_picture_shows_what_contradicts_itself() {
    let fails = |sim: &mut Simulation| run(sim).map_or(Ok(()), |violation| Err(violation.into()));
    let seed = Seeds::new(0..200).run(fails, |_, ()| {}).unwrap_err().seed;
    let mut sim = Simulation::new(seed);
    let violation = run(sim.record()).unwrap();
    let mut picture = Vec::new();
    drawn(&sim.take_recording().unwrap(), &violation).write(Format::Svg, &mut picture).unwrap();
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
fn run(sim: &mut Simulation) -> Option<Violation> {
    let history = History::new(Model::holding(0));
    let seen = history.clone();
    let (nodes, clients) = (sim.draw(3..=5), sim.draw(3..=5));
    sim.nodes(nodes, node).clients(clients, move |host| client(host, seen.clone()));
    sim.faults(Faults::network()).run().unwrap();
    match history.check() {
        Err(CheckError::Violation(violation)) => Some(violation),
        _ => None,
    }
}

/// The operations of the violation with their messages, and nothing else.
fn drawn(recording: &Recording, violation: &Violation) -> Trace {
    let events = recording.events();
    let operations = violation.witnesses().iter().map(|witness| Operation::find(events, witness));
    let operations: Vec<_> = operations.collect();
    let is_kept = |event: &&Event| operations.iter().any(|operation| operation.has(event));
    let trace = Trace::new(events.iter().filter(is_kept).cloned());
    operations.iter().fold(trace, |trace, Operation { name, client, manager, .. }| {
        trace.name(*client, name).name(*manager, name)
    })
}

/// What is drawn of an operation: what its client says of it, and its call.
struct Operation {
    name: String,
    times: RangeInclusive<Instant>,
    client: Process,
    manager: Process,
    sequence: u64,
}

impl Operation {
    fn find(events: &[Event], witness: &Witness) -> Self {
        let begun = events[0].time;
        let (from, to) = (begun + witness.invoked.time, begun + witness.returned.unwrap().time);
        let said = |event: &&Event| {
            event.time == to && event.to_string().ends_with(&format!("returned: {}", witness.text))
        };
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
        let name = format!("client {}", witness.client);
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
