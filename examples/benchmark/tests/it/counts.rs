//! `count`, and runs of so many calls.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use serde_json::Value;

use crate::program::{figures, printed};

/// Runs `count` where this folder has all programs that there are.
fn count(arguments: &str, programs: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benchmark"));
    command.arg("count").args(arguments.split_whitespace()).env("PATH", programs).output().unwrap()
}

/// A folder with a `valgrind` that runs what it is told to, and says that each call took 35,000
/// instructions, and the rest a million.
fn valgrind() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("valgrind");
    let script = "#!/bin/sh\n\
        [ \"$1\" = --version ] && exit\n\
        shift 2\n\
        \"$@\" || exit\n\
        while [ $# -gt 1 ]; do [ \"$1\" = --calls ] && calls=$2; shift; done\n\
        echo \"==7== Collected : $((1000000 + 35000 * calls))\" >&2\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn the_instructions_of_a_call_are_those_of_many_calls_less_those_of_few() {
    let folder = valgrind();
    let programs = folder.path().to_str().unwrap();
    let arguments = "--callers 1,16 --payload 0,1024 --peers quorum,tcp --calls 40 --json -";
    let output = count(arguments, programs);
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let counts: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(counts.len(), 8, "{lines}");
    assert!(counts.iter().all(|count| count["instructions_per_op"] == 35_000.0), "{lines}");
    assert_eq!((&counts[3]["peer"], &counts[3]["callers"]), (&"tcp".into(), &16.into()));

    let output = count("--callers 1 --calls 8", programs);
    let table = String::from_utf8(output.stdout).unwrap();
    let row = table.lines().nth(1).unwrap();
    assert!(row.starts_with("3      0 B      1        quorum             35,000"), "{table}");
}

#[test]
fn what_can_not_be_counted_is_named() {
    let folder = valgrind();
    let programs = folder.path().to_str().unwrap();
    let output = count("--callers 1 --calls 8 --peers raft,quorum --json -", programs);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("there is no peer `raft`"));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);

    let output = count("--callers 1", "/nowhere");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("valgrind, which is not installed: `apt-get install"), "{said}");
}

/// Where it is not installed, only the other tests say something.
#[test]
fn valgrind_itself_counts() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("valgrind is not installed: nothing was counted");
        return;
    }
    let line = printed("count --nodes 1 --callers 1 --calls 40 --json -");
    let count: Value = serde_json::from_str(&line).unwrap();
    let instructions = count["instructions_per_op"].as_f64().unwrap();
    assert!((1_000.0..10_000_000.0).contains(&instructions), "{line}");
}

#[test]
fn so_many_calls_are_made_on_so_many_threads() {
    for threads in [1, 2] {
        let line = printed(&format!("run --callers 4 --calls 100 --threads {threads} --json -"));
        assert_eq!(figures(&line).len(), 1);
    }
}
