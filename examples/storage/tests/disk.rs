//! A server whose disk is full, as a process: nothing is acknowledged that it does not keep.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_storage");

/// A server that listens. A limit on the size of its files is to it what a full disk is.
fn serve(address: &str, data: &Path, limit: &str) -> Child {
    let script = format!(
        "trap '' XFSZ; ulimit -f {limit}; exec {PROGRAM} serve --node 0 --listen {address} --data {}",
        data.display()
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = shell.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.starts_with("listening on "), "{said}");
    server
}

/// What the prompt answers.
fn ask(address: &str, input: &str) -> Vec<String> {
    let mut prompt = Command::new(PROGRAM)
        .args(["--connect", address, "--timeout-ms", "3000"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    prompt.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = prompt.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_server_whose_disk_is_full_ends_and_has_all_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let mut full = serve(&address, folder.path(), "8192");
    let value = "v".repeat(500_000);
    let writes: String = (0..12).map(|key| format!("qc write k{key} {value}\n")).collect();
    let answers = ask(&address, &writes);
    let written = answers.iter().take_while(|answer| answer.ends_with(": written")).count();
    assert!((2..12).contains(&written), "{written} were written: {answers:?}");
    assert!(!answers[written..].iter().any(|answer| answer.ends_with(": written")), "{answers:?}");

    assert!(!full.wait().unwrap().success());
    let mut said = String::new();
    full.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("File too large"), "{said}");

    let mut again = serve(&address, folder.path(), "unlimited");
    let reads: String = (0..written).map(|key| format!("qc read k{key}\n")).collect();
    let answers = ask(&address, &reads);
    again.kill().unwrap();
    again.wait().unwrap();
    let found = answers.iter().filter(|answer| answer.len() > 500_000).count();
    let short: Vec<_> = answers.iter().map(|answer| answer.get(..200).unwrap_or(answer)).collect();
    assert_eq!(found, written, "{short:?}");
}
