//! The benchmark of Gorums, as the benchmark tool of this repository starts it.

use serde_json::Value;

use crate::go::Go;

#[test]
fn it_prints_a_line_of_figures() {
    let Some(go) = Go::programs() else { return };
    let arguments = ["-nodes=3", "-payload=16", "-callers=2", "-seconds=0.2"];
    let output = go.benchmark(&arguments).unwrap();
    assert!(output.status.success(), "{output:?}");
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in ["ops_per_s", "p50_us", "p99_us", "cpu_us_per_op", "allocs_per_op", "rss_mib"] {
        assert!(figures[key].as_f64().unwrap() > 0.0, "{key} of {figures}");
    }
}

#[test]
fn it_says_what_it_does_not_take() {
    let Some(go) = Go::programs() else { return };
    for arguments in [["-nodes=0"], ["-callers=0"], ["-payload=-1"], ["-seconds=0"], ["more"]] {
        let output = go.benchmark(&arguments).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("must be positive"), "{said}");
    }
}
