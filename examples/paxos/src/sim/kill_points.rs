//! A node is killed at each operation of its disk, one run for each, while it accepts, executes, makes the map
//! durable and trims the log.
//!
//! Not each operation has its run, so that this is fast; with `KILL_POINTS=all` in front of the command, each
//! has two. `KILL_POINT=17` runs the 17th alone.

use std::time::Duration;

use quorum_runtime::history::{History, KeyValue};
use quorum_runtime::sim::Simulation;
use tokio::time::sleep;

use super::{Map, PATIENCE, Settings, connect, converge, read, serve, write};
use crate::config::Agreement;
use crate::mutant::Mutation;

/// How many operations of a node that is one of many have one run, where not each is asked for.
const STEP: usize = 29;

/// Has a node killed at its first, its second, its third operation from the beginning of a span on, until it
/// does no more in it, and tells how many there are. It is started again at the end of the span. A run is
/// given its faults, and says whether the node was killed.
///
/// Where not each is asked for, one of so many has a run: an odd number, so that it is killed before one and in
/// the midst of the next.
pub(crate) fn kill_points(
    test: &str,
    node: &str,
    [from, until]: [u64; 2],
    step: usize,
    run: impl Fn(&str) -> Result<bool, String>,
) -> u32 {
    let only = std::env::var("KILL_POINT").ok().and_then(|number| number.parse::<u32>().ok());
    let is_all = step == 1 || only.is_some() || std::env::var_os("KILL_POINTS").is_some();
    let step = if is_all { 1 } else { step };
    for number in (only.unwrap_or(1)..).step_by(step) {
        let both = ["before", "in"];
        for how in if is_all { &both[..] } else { &both[number as usize % 2..][..1] } {
            let faults =
                format!("{from}ms crash {node} {how} operation {number}; {until}ms start {node}");
            match run(&faults) {
                Ok(true) => {}
                Ok(false) => return number - 1,
                Err(error) => panic!(
                    "{faults}: {error}\nreplay: KILL_POINT={number} cargo test -p paxos {test}"
                ),
            }
        }
        if only.is_some() {
            return u32::MAX;
        }
    }
    u32::MAX
}

/// When the node is in danger, in milliseconds.
const DANGER: [u64; 2] = [250, 380];

const NODES: u32 = 3;

fn settings() -> Settings {
    let agreement = Agreement {
        cluster: "simulated".to_owned(),
        nodes: NODES as usize,
        prepare_quorum: 2,
        accept_quorum: 2,
        lease: Duration::from_millis(60),
        drift: 0.1,
    };
    let mutation = Mutation::default();
    Settings { agreement, window: 4, keep: 2, trim_every: 2, patience: PATIENCE, mutation }
}

/// Whether the node was killed in a run with these faults.
fn run(node: u32, faults: &str) -> Result<bool, String> {
    let (history, mut sim) = (History::<Map>::new(KeyValue::new()), Simulation::new(1));
    let starts = std::rc::Rc::new(std::cell::Cell::new(0));
    sim.latency(Duration::from_millis(1), Duration::from_millis(3));
    sim.schedule(faults.parse().map_err(|error| format!("{error}"))?);
    let started = std::rc::Rc::clone(&starts);
    sim.nodes(NODES, move |host| {
        if host.number() == node {
            started.set(host.starts());
        }
        serve(host, settings())
    });
    let seen = history.clone();
    sim.clients(2, move |host| {
        let history = host.history(&seen);
        async move {
            let mut client = connect(&host, "simulated", PATIENCE)?;
            for operation in 1..=12 {
                let (me, key) = (host.number(), format!("k{}", operation % 3));
                write(&host, &mut client, &history, key.clone(), format!("{me}.{operation}")).await;
                read(&host, &mut client, &history, key).await;
                sleep(Duration::from_millis(host.draw(0..=20))).await;
            }
            host.healed().await;
            if host.number() == 1 { converge(&host, &mut client, NODES).await } else { Ok(()) }
        }
    });
    sim.run().map_err(|error| error.to_string())?;
    history.check().map_err(|error| error.to_string())?;
    Ok(starts.get() > 1)
}

/// How many operations this node does, and that no run goes wrong in which one of them kills it.
fn at_each(test: &str, node: u32) -> u32 {
    let test = format!("sim::kill_points::{test}");
    kill_points(&test, &node.to_string(), DANGER, STEP, |faults| run(node, faults))
}

/// One of the two leads.
#[test]
fn of_one_node() {
    assert!(at_each("of_one_node", 1) > 50);
}

#[test]
fn of_another_node() {
    assert!(at_each("of_another_node", 2) > 50);
}
