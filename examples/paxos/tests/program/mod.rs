//! The program under test: its processes, and what they say.

#![allow(dead_code, reason = "each test uses a part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

pub(crate) fn paxos(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paxos"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program with this text on its standard input.
pub(crate) fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = paxos(arguments).spawn().unwrap();
    // Who does not read it has something to say.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

pub(crate) fn answers(output: &Output) -> Vec<&str> {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap().lines().collect()
}

/// What the program says when it refuses to run.
pub(crate) fn refusal(arguments: &[&str]) -> String {
    let output = run(arguments, "");
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Three nodes, each a process. They are killed when this is dropped.
pub(crate) struct Nodes {
    folder: TempDir,
    addresses: Vec<String>,
    running: Vec<Option<Child>>,
}

impl Nodes {
    pub(crate) fn start(options: &[&str]) -> Self {
        let listeners = [0; 3].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = listeners.iter().map(|own| own.local_addr().unwrap().to_string()).collect();
        drop(listeners);
        let folder = tempfile::tempdir().unwrap();
        let mut nodes = Self { folder, addresses, running: vec![None, None, None] };
        for id in 1..=3 {
            nodes.start_one(id, &[&["--new"], options].concat());
        }
        nodes
    }

    pub(crate) fn start_one(&mut self, id: usize, options: &[&str]) {
        let mut child = self.serve(id, options).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if !line.starts_with("listening on ") {
            let mut error = String::new();
            child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
            panic!("{error}");
        }
        self.running[id - 1] = Some(child);
    }

    /// What a node says that does not start.
    pub(crate) fn refusal(&self, id: usize, options: &[&str]) -> String {
        let mut child = self.serve(id, options).spawn().unwrap();
        let mut is_over = || {
            sleep(Duration::from_millis(20));
            child.try_wait().unwrap().is_some()
        };
        if !(0..1_000).any(|_| is_over()) {
            child.kill().unwrap();
            panic!("node {id} serves: {:?}", child.wait_with_output().unwrap());
        }
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn serve(&self, id: usize, options: &[&str]) -> Command {
        let (number, peers, data) = (id.to_string(), self.peers(), self.data(id));
        let own = ["serve", "--id", &number, "--peers", &peers, "--data", data.to_str().unwrap()];
        let mut command = paxos(&own);
        // The last of several counts.
        command.args(options);
        command
    }

    pub(crate) fn kill(&mut self, id: usize) {
        let mut child = self.running[id - 1].take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends a node in good order.
    pub(crate) fn interrupt(&mut self, id: usize) {
        let mut child = self.running[id - 1].take().unwrap();
        let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert!(child.wait().unwrap().success());
    }

    pub(crate) fn peers(&self) -> String {
        self.addresses.join(",")
    }

    pub(crate) fn address(&self, id: usize) -> &str {
        &self.addresses[id - 1]
    }

    pub(crate) fn data(&self, id: usize) -> PathBuf {
        self.folder.path().join(id.to_string())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a prompt answers to one line.
    pub(crate) fn ask(&self, line: &str) -> String {
        let output = run(&["--connect", &self.peers()], line);
        answers(&output).join("\n")
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in self.running.iter_mut().flatten() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
