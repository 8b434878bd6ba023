//! A node is killed at each operation of its disk, one run for each, while a copy is made: the first
//! invariant of 4.6 of the specification. It is killed before the operation, and in the midst of it.
//!
//! Not each operation has its run, so that this is fast; with `KILL_POINTS=all` in front of the command, each
//! has two. `KILL_POINT=17` runs the 17th alone.

use std::time::Duration;

use quorum_runtime::sim::Simulation;

use super::world::{Setup, World};
use crate::paxos::SyncMode;
use crate::sim::kill_points;

/// When the node is in danger, in milliseconds: from before the copy until after it.
const DANGER: [u64; 2] = [390, 560];

/// One of so many operations has a run, where not each is asked for.
const STEP: usize = 11;

fn setup(mode: SyncMode) -> Setup {
    let deaf = [50..400, 0..0, 0..0];
    Setup { mode, keys: 20, chunk_keys: 7, slots: 36, keep: 4, pace: 5, deaf, ..Setup::default() }
}

/// How many operations this node does, and that no run goes wrong in which one of them kills it.
fn at_each(test: &str, node: u32, mode: SyncMode) -> u32 {
    kill_points(
        &format!("sync::tests::kill_points::{test}"),
        &node.to_string(),
        DANGER,
        STEP,
        |faults| {
            let (world, mut sim) = (World::default(), Simulation::new(1));
            sim.latency(Duration::from_millis(1), Duration::from_millis(3));
            sim.schedule(faults.parse().map_err(|error| format!("{error}"))?);
            world.run(&mut sim, &setup(mode))?;
            let known = world.known();
            let was_killed = known.starts(node) > 1;

            if !was_killed
                && known.first_copy().is_none_or(|at| at > Duration::from_millis(DANGER[1]))
            {
                return Err(format!("no copy was made in time: {:?}", known.progress));
            }
            Ok(was_killed)
        },
    )
}

#[test]
fn of_the_requester() {
    assert!(at_each("of_the_requester", 1, SyncMode::CommitsFirst) > 20);
}

#[test]
fn of_the_requester_that_holds_back_trimming() {
    let test = "of_the_requester_that_holds_back_trimming";
    assert!(at_each(test, 1, SyncMode::HoldTrim) > 20);
}

#[test]
fn of_the_provider() {
    assert!(at_each("of_the_provider", 2, SyncMode::CommitsFirst) > 20);
}

#[test]
fn of_the_provider_while_trimming_is_held_back() {
    let test = "of_the_provider_while_trimming_is_held_back";
    assert!(at_each(test, 2, SyncMode::HoldTrim) > 20);
}

#[test]
fn of_the_leader_that_holds_back_trimming() {
    let test = "of_the_leader_that_holds_back_trimming";
    assert!(at_each(test, 3, SyncMode::HoldTrim) > 20);
}
