//! What 4.6 of the specification demands, in runs with and without faults.

use std::time::Duration;

use quorum_runtime::sim::{FaultKind, Faults, Result, Simulation};

use super::world::{Setup, World};
use crate::paxos::SyncMode;

/// A run with these faults, and no others.
fn run(seed: u64, faults: &str, setup: &Setup) -> (World, std::result::Result<(), String>) {
    let (world, mut sim) = (World::default(), Simulation::new(seed));
    sim.schedule(faults.parse().unwrap());
    let ended = world.run(&mut sim, setup);
    (world, ended)
}

#[test]
fn a_node_that_fell_behind_copies_while_commits_go_on() {
    for mode in [SyncMode::CommitsFirst, SyncMode::HoldTrim] {
        let (world, ended) = run(1, "1ms heal", &Setup { mode, ..Setup::default() });
        ended.unwrap();
        let known = world.known();
        assert_eq!(known.copies(), (1, 0), "{mode:?}");
        let steps: Vec<_> = known.progress.iter().filter(|p| p.running).map(|p| p.keys).collect();
        assert!(steps.len() > 5 && steps.is_sorted(), "{steps:?}");
    }
}

#[test]
fn where_trimming_outruns_copying_only_the_lease_on_it_ends() {
    let slow = |mode| {
        let (world, mut sim) = (World::default(), Simulation::new(1));
        sim.latency(Duration::from_millis(30), Duration::from_millis(40));
        sim.schedule("1ms heal".parse().unwrap()).patience(Duration::from_secs(40));
        let setup = Setup { mode, keep: 2, slots: 500, ..Setup::default() };
        let ended = world.run(&mut sim, &setup);
        let told = world.known().progress.iter().map(|p| p.failure.clone()).max().unwrap();
        (ended, world.known().copies(), told)
    };
    let (_, (_, restarts), told) = slow(SyncMode::CommitsFirst);
    assert_eq!(restarts, 10, "it begins again as often as it may");
    assert!(told.contains("the log was trimmed past what this copy still needs"), "{told}");

    let (ended, (completed, restarts), _) = slow(SyncMode::HoldTrim);
    ended.unwrap();
    assert_eq!((completed, restarts), (1, 0));
}

#[test]
fn a_requester_that_is_killed_in_any_write_has_its_old_store_or_the_new_one() {
    for (seed, at) in (1000..1360).step_by(30).enumerate() {
        let faults = format!("{at}ms crash 1 in write; {}ms start 1", at + 200);
        let (_, ended) = run(seed as u64, &faults, &Setup::default());
        ended.unwrap_or_else(|error| panic!("{faults}: {error}"));
    }
}

#[test]
fn a_provider_that_is_killed_is_followed_by_another() {
    let mut restarted = 0;
    for (seed, at) in (1060..1200).step_by(30).enumerate() {
        let faults = format!("{at}ms crash 2; {}ms start 2", at + 1000);
        let (world, ended) = run(seed as u64, &faults, &Setup::default());
        ended.unwrap_or_else(|error| panic!("{faults}: {error}"));
        restarted += world.known().copies().1;
    }
    assert!(restarted >= 3, "{restarted}");
}

#[quorum_macros::sim_test(seeds = 8)]
fn stores_are_equal_whatever_fails(sim: &mut Simulation) -> Result {
    let mode = if sim.draw(0..=1) == 0 { SyncMode::CommitsFirst } else { SyncMode::HoldTrim };
    let keep = sim.draw(10..=80).into();
    sim.faults(Faults::default().without(FaultKind::Erase));
    World::default().run(sim, &Setup { mode, keep, ..Setup::default() }).map_err(Into::into)
}

#[cfg(feature = "mutants")]
mod mutants {
    use super::*;
    use crate::mutant::Mutant;

    /// Whether one of the runs finds the mutant, and what it says.
    fn found(mutant: Mutant, faults: impl Fn(u64) -> String, setup: &Setup) -> String {
        let setup = Setup { mutation: mutant.into(), ..setup.clone() };
        let mut found = (0..20).filter_map(|seed| run(seed, &faults(seed), &setup).1.err());
        found.next().unwrap_or_else(|| panic!("{mutant:?} is not found"))
    }

    fn none(_: u64) -> String {
        "1ms heal".to_owned()
    }

    #[test]
    fn each_is_found() {
        let setup = Setup::default();
        let told = found(Mutant::CopyWithoutCommits, none, &setup);
        assert!(told.starts_with("node 1 has another map at slot "), "{told}");
        let told = found(Mutant::SwapEarly, none, &setup);
        assert!(told.starts_with("node 1 has another map at slot "), "{told}");

        let kill = |seed| format!("{}ms crash 2; 3s start 2", 1060 + seed * 20);
        let told = found(Mutant::ResumeElsewhere, kill, &setup);
        assert!(told.starts_with("node 1 has another map at slot "), "{told}");

        let two = Setup { deaf: [100..2500, 300..1000, 0..0], ..setup };
        let told = found(Mutant::NoFloor, none, &two);
        assert!(told.starts_with("node 2 has gone back from slot "), "{told}");
    }
}
