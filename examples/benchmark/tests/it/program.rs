use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Runs it with these arguments, apart by spaces.
pub(crate) fn run(arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benchmark"));
    command.args(arguments.split_whitespace()).output().unwrap()
}

/// What it printed, when it measured all that it was asked for.
pub(crate) fn printed(arguments: &str) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What it complained of. The exit code tells so too.
pub(crate) fn refusal(arguments: &str) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Lines of JSON, each of which has all figures.
pub(crate) fn figures(lines: &str) -> Vec<Value> {
    let runs: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for run in &runs {
        let number = |key: &str| run[key].as_f64().unwrap_or_else(|| panic!("no {key} in {run}"));
        assert!(number("ops_per_s") > 0.0, "{run}");
        assert!(0.0 < number("p50_us") && number("p50_us") <= number("p99_us"), "{run}");
        if cfg!(target_os = "linux") {
            assert!(number("cpu_us_per_op") > 0.0 && number("rss_mib") > 1.0, "{run}");
        }
    }
    runs
}

/// A server process, killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(peer: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benchmark"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--peer", peer]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
