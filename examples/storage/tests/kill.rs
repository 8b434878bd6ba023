//! Processes that are killed under load, as `storage kill` does it. For longer, run that.

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

#[test]
fn no_acknowledged_write_is_lost_by_kills() {
    for nodes in ["3", "5"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_storage"));
        let output = command.args(["kill", "--seconds", "4", "--nodes", nodes]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.ends_with("linearizable, and all copies are equal\n"), "{said}");
        let kills: u32 = said.split(' ').nth(2).unwrap().parse().unwrap();
        assert!(kills >= 4, "{said}");
    }
}
