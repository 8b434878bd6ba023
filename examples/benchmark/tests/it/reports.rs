//! `report`: what was measured before, as Markdown.

use crate::program::{printed, refusal};

/// A file with a run of each of these: peer, callers, calls per second.
fn runs(runs: &[(&str, usize, f64)]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.jsonl");
    let line = |(peer, callers, calls): &(&str, usize, f64)| {
        format!(
            "{{\"peer\":\"{peer}\",\"call\":\"quorumcall\",\"nodes\":3,\"payload\":1024,\
             \"callers\":{callers},\"ops_per_s\":{calls},\"p50_us\":71,\"p99_us\":122.3,\
             \"cpu_us_per_op\":8.98,\"repeat\":1}}\n"
        )
    };
    std::fs::write(&file, runs.iter().map(line).collect::<String>()).unwrap();
    (folder, file.display().to_string())
}

const RUNS: [(&str, usize, f64); 6] = [
    ("quorum", 1, 1_000.0),
    ("unary", 1, 500.0),
    ("tcp", 1, 1_250.0),
    ("quorum", 16, 30_000.0),
    ("quorum", 16, 10_000.0),
    ("unary", 16, 1_600.0),
];

#[test]
fn ratios_are_those_of_medians_and_what_is_lost_is_in_bold() {
    let (_folder, file) = runs(&RUNS);
    let expected = "\
        | nodes | payload | callers | calls/s | × unary | × tcp | p50 µs | p99 µs | CPU µs/call |\n\
        |---:|---:|---:|---:|---:|---:|---:|---:|---:|\n\
        | 3 | 1 KiB | 1 | 1,000 | 2.00 | **0.80** | 71.0 | 122 | 8.98 |\n\
        | 3 | 1 KiB | 16 | 20,000 | 12.5 | – | 71.0 | 122 | 8.98 |\n";
    assert_eq!(printed(&format!("report {file}")), expected);
}

#[test]
fn what_is_lost_is_listed() {
    let (_folder, file) = runs(&RUNS);
    let expected = "- 3 nodes, 1 KiB, 1 caller: 0.80 of the calls of tcp\n";
    assert_eq!(printed(&format!("report {file} --lost")), expected);
    let (_folder, file) = runs(&RUNS[..2]);
    assert_eq!(
        printed(&format!("report {file} --lost")),
        "No peer makes more calls in any case.\n"
    );
}

#[test]
fn what_is_no_run_is_refused_with_its_line() {
    let (folder, file) = runs(&RUNS[..1]);
    let said = |sentence: &str| {
        let said = refusal(&format!("report {file}"));
        assert!(said.contains(sentence), "`{sentence}` is not in:\n{said}");
    };
    let run = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{run}{{}}\n")).unwrap();
    said("runs.jsonl is no run: missing field `peer`");
    std::fs::write(&file, run.replace("quorum\"", "<raft>\"")).unwrap();
    said("runs.jsonl names no peer: <raft>");
    std::fs::write(&file, "").unwrap();
    said("there is no run to report");
    drop(folder);
    said("cannot read ");
}
