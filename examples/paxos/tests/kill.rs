//! Processes that are killed with SIGKILL at random while clients work.
//!
//! For a minute: `PAXOS_KILL_SECONDS=60 cargo test -p paxos --test kill`, or `paxos kill --nodes 5`. A failure
//! names its seed and where its data is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

fn kill(nodes: u32) {
    let seconds = std::env::var("PAXOS_KILL_SECONDS").unwrap_or_else(|_| "4".into());
    let mut program = Command::new(env!("CARGO_BIN_EXE_paxos"));
    program.args(["kill", "--nodes", &nodes.to_string(), "--seconds", &seconds]);
    let output = program.output().unwrap();
    let [said, complaints] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{said}{complaints}");
    print!("{said}");
    assert!(said.contains(&format!(" kills of {nodes} nodes; ")), "{said}");
    assert!(
        said.ends_with("linearizable; no acknowledged write is lost; all stores are equal\n"),
        "{said}"
    );
}

#[test]
fn three_processes() {
    kill(3);
}

#[test]
fn five_processes() {
    kill(5);
}
