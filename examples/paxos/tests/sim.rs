//! `paxos sim` as a user runs it.

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the subcommand in this folder.
fn sim(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paxos"));
    let arguments = arguments.split(' ').filter(|argument| !argument.is_empty());
    command.arg("sim").args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_cluster_passes() {
    let folder = tempfile::tempdir().unwrap();
    let output = sim(folder.path(), "--seeds 12");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let last = text(&output.stdout).lines().last().unwrap();
    assert!(
        last.starts_with("12 seeds, ") && last.ends_with(" operations, 0 violations"),
        "{last}"
    );
}

/// The others take more seeds; `.ci/sim` has all of them found.
#[test]
fn mutants_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let listed = sim(folder.path(), "--list-mutants");
    assert!(text(&listed.stdout).lines().count() >= 10 && listed.status.success(), "{listed:?}");
    for (mutant, told) in [
        ("read-before-barrier", " is not linearizable: "),
        ("forget-accepted", " is not linearizable: "),
        ("half-accepts", " is not linearizable: "),
        ("swap-early", " keys differ"),
    ] {
        let output = sim(folder.path(), &format!("--seeds 50 --mutant {mutant}"));
        assert_eq!(output.status.code(), Some(1), "{mutant}: {output:?}");
        assert!(text(&output.stdout).contains(told), "{mutant}: {output:?}");
    }
}

#[test]
fn a_seed_is_the_same_run_in_every_process() {
    let folder = tempfile::tempdir().unwrap();
    // In them nodes are killed while they lead, and reads wait together for the same slot.
    for seed in [2, 5, 6, 8] {
        let run = |name: &str| {
            let output = sim(folder.path(), &format!("--seed {seed} --trace {name}.txt"));
            assert!(output.status.success(), "{output:?}");
            fs::read_to_string(folder.path().join(format!("{name}.txt"))).unwrap()
        };
        let (one, again) = (run("one"), run("again"));
        assert!(one.lines().count() > 1000);
        assert!(one == again, "seed {seed}");
    }
}
