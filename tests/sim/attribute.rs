//! `#[sim_test]`, and that what it prints reproduces a failure in another process.

use std::panic::catch_unwind;
use std::process::Command;
use std::time::Duration;

use quorum_runtime::sim::test::{Test, run};
use quorum_runtime::sim::{Result, Simulation};

use crate::register::{client, node};

#[quorum_macros::sim_test(seeds = 5)]
fn runs_its_seeds(sim: &mut Simulation) -> Result {
    let nodes = sim.draw(3..=5);
    sim.nodes(nodes, node).clients(1, client).run()?;
    Ok(())
}

/// Fails with some seeds, in a process that is told to.
#[quorum_macros::sim_test(seeds = 20)]
fn fails_where_it_is_told_to(sim: &mut Simulation) {
    let fails = std::env::var_os("FAILS").is_some();
    let drawn = sim.draw(0..=9);
    sim.nodes(1, node).clients(1, |_| async { Ok(()) }).run().unwrap();
    assert!(!fails || drawn != 3, "it drew {drawn} in seed {}", sim.seed());
}

/// Runs one test of this binary in another process.
fn again(test: &str, environment: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env("RUST_BACKTRACE", "0");
    command.envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn a_failure_is_reproduced_by_its_command_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let drawings = ("QUORUM_DRAWINGS", folder.path().to_str().unwrap());
    let name = "attribute::fails_where_it_is_told_to";
    let (passed, text) = again(name, &[("FAILS", ""), drawings]);
    assert!(!passed, "{text}");
    let line = text.lines().find(|line| line.contains("  replay:  ")).unwrap();
    let seed = line.split("QUORUM_SEED=").nth(1).unwrap().split(' ').next().unwrap();
    let command = format!("QUORUM_SEED={seed} cargo test -p quorum-tests {name} -- --exact");
    assert_eq!(line.trim(), format!("replay:  {command}"));
    let drawing = text.lines().find_map(|line| line.trim().strip_prefix("drawing: ")).unwrap();
    assert!(std::fs::read_to_string(drawing).unwrap().contains("<html"), "{drawing}");

    let (passed, replayed) = again(name, &[("FAILS", ""), drawings, ("QUORUM_SEED", seed)]);
    assert!(!passed, "{replayed}");
    assert!(replayed.contains(&format!("it drew 3 in seed {seed}")), "{replayed}");
    let lower: u64 = seed.parse::<u64>().unwrap();
    for other in 0..lower {
        let other = ("QUORUM_SEED", &*other.to_string());
        assert!(again(name, &[("FAILS", ""), other]).0, "the first seed that fails is told");
    }
    assert!(again(name, &[]).0);
}

#[test]
fn a_seed_that_is_no_number_is_refused() {
    let (passed, text) = again("attribute::runs_its_seeds", &[("QUORUM_SEED", "seventeen")]);
    assert!(!passed);
    assert!(text.contains("QUORUM_SEED=seventeen is no number"), "{text}");
}

#[test]
fn the_number_of_seeds_can_be_set_from_outside() {
    let name = "attribute::fails_where_it_is_told_to";
    let (passed, text) = again(name, &[("FAILS", ""), ("QUORUM_SEEDS", "0")]);
    assert!(passed, "{text}");
}

/// What a test that fails says.
fn said(body: fn(&mut Simulation) -> Result) -> String {
    let test = Test { path: "sim::attribute::said", package: "quorum-tests", seeds: 1 };
    let panic = catch_unwind(|| run(test, body)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn a_stall_is_explained_though_nobody_recorded_it_the_first_time() {
    let text = said(|sim| {
        sim.patience(Duration::from_secs(1)).clients(1, |_| std::future::pending());
        sim.run()?;
        Ok(())
    });
    assert!(text.contains("client 1 has not ended, and waits for no call at"), "{text}");
}

#[test]
fn what_the_seed_does_not_decide_is_noticed() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static HAS_FAILED: AtomicBool = AtomicBool::new(false);
    let text = said(|sim| {
        sim.run()?;
        if HAS_FAILED.swap(true, Ordering::Relaxed) { Ok(()) } else { Err("once".into()) }
    });
    assert!(text.contains("once, and the next time it did not happen"), "{text}");
}
