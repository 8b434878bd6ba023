//! Elections where an answer takes about as long as a lease.

use std::time::Duration;

use quorum_runtime::sim::Simulation;
use tokio::time::sleep;

use super::{PATIENCE, Settings, connect, serve};
use crate::config::Agreement;
use crate::mutant::Mutation;

/// Runs a cluster until its client has been answered ten times, unless that takes too long.
fn run(seed: u64) -> Result<(), String> {
    let mut sim = Simulation::new(seed);
    sim.latency(Duration::from_millis(3), Duration::from_millis(6));
    sim.schedule("1ms heal".parse().map_err(|error| format!("{error}"))?);
    sim.patience(Duration::from_secs(2));
    sim.nodes(3, |host| {
        let agreement = Agreement {
            cluster: "simulated".to_owned(),
            nodes: 3,
            prepare_quorum: 2,
            accept_quorum: 2,
            lease: Duration::from_millis(10),
            drift: 0.1,
        };
        let mutation = Mutation::default();
        let (window, keep, trim_every, patience) = (4, 20, 20, PATIENCE);
        serve(host, Settings { agreement, window, keep, trim_every, patience, mutation })
    });
    sim.clients(1, async |host| {
        let mut client = connect(&host, "simulated", PATIENCE)?;
        for number in 1..=10 {
            while client.put("k", &number.to_string()).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    });
    sim.run().map(drop).map_err(|error| error.to_string())
}

/// Candidates that stand again before the others have answered would keep each other from leading: seven
/// seconds in one of these runs.
#[test]
fn candidates_do_not_hold_each_other_up() {
    for seed in 0..20 {
        run(seed).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}
