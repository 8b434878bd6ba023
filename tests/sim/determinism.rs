use quorum_runtime::sim::{RunError, Simulation};

use crate::register::{client, node};

fn trace(seed: u64) -> (Vec<String>, Result<std::time::Duration, RunError>) {
    let mut sim = Simulation::new(seed);
    let nodes = sim.draw(3..=7);
    sim.nodes(nodes, node).clients(2, client).record();
    let run = sim.run().map(|run| run.elapsed);
    let recording = sim.take_recording().unwrap();
    let first = recording.events().first().unwrap().time;
    let line = |event: &quorum_runtime::Event| {
        format!("{:?} {event} {:?}", event.time - first, event.content)
    };
    (recording.events().iter().map(line).collect(), run)
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..3 {
        let begun = std::time::Instant::now();
        let (one, run) = trace(seed);
        eprintln!("{seed}: {run:?} {} events {:?}", one.len(), begun.elapsed());
        let (again, _) = trace(seed);
        for (index, (a, b)) in one.iter().zip(&again).enumerate() {
            assert_eq!(a, b, "event {index}");
        }
        assert_eq!(one.len(), again.len());
    }
}
