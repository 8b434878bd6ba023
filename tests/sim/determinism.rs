//! A seed is a whole run: the same events at the same times, to the byte.

use std::time::Duration;

use quorum_runtime::sim::Simulation;

use crate::register::{client, node};

/// A cluster that is drawn from its seed.
fn cluster(seed: u64) -> Simulation {
    let mut sim = Simulation::new(seed);
    let (nodes, clients) = (sim.draw(3..=7), sim.draw(1..=3));
    sim.nodes(nodes, node).clients(clients, client);
    sim
}

/// The whole run, and the simulated time that it took.
fn recorded(seed: u64) -> (String, Duration) {
    let mut sim = cluster(seed);
    let run = sim.record().run().unwrap();
    (sim.take_recording().unwrap().trace().unwrap().to_text(), run.elapsed)
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..10 {
        let (one, again) = (recorded(seed).0, recorded(seed).0);
        assert!(one.lines().count() > 500, "{one}");
        let lines = one.lines().zip(again.lines()).zip(1..);
        for ((one, again), line) in lines {
            assert_eq!(one, again, "seed {seed}, line {line}");
        }
        assert_eq!(one.len(), again.len(), "seed {seed}");
    }
}

#[test]
fn another_seed_is_another_run() {
    assert_ne!(recorded(1).0, recorded(2).0);
}

#[test]
fn whether_it_is_recorded_makes_no_difference() {
    for seed in 0..5 {
        let mut sim = cluster(seed);
        let elapsed = sim.run().unwrap().elapsed;
        assert!(sim.take_recording().is_none());
        assert_eq!(recorded(seed).1, elapsed, "seed {seed}");
    }
}

#[test]
fn a_process_that_ends_by_itself_ends_in_the_same_way() {
    let run = |seed| {
        let mut sim = Simulation::new(seed);
        // So that they may end, and start again.
        sim.schedule("1ms disk 1 fails; 1ms disk 2 fails; 500ms heal".parse().unwrap());
        sim.nodes(2, |host| async move {
            tokio::select! { biased;
                served = node(host.clone()) => served,
                () = tokio::time::sleep(Duration::from_millis(host.draw(50..=200))), if host.starts() == 1 => {
                    Err("the disk fails".into())
                }
            }
        });
        sim.clients(6, client).record().run().unwrap();
        sim.take_recording().unwrap().trace().unwrap().to_text()
    };
    for seed in 0..5 {
        assert!(run(seed) == run(seed), "seed {seed}");
    }
}
