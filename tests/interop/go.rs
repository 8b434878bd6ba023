//! Builds the programs, and drives them by their input and output.

use std::env;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use quorum_tests::PATIENCE;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

/// The programs, once they are built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Go(&'static Path);

impl Go {
    /// Builds the programs, or says why that can't be done here.
    pub(crate) fn programs() -> Option<Self> {
        static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        match BUILT.get_or_init(build) {
            Ok(folder) => Some(Self(folder)),
            Err(error) => {
                let required = env::var_os("QUORUM_INTEROP").is_some_and(|is| is == "required");
                assert!(!required, "{error}");
                // Not by `eprintln!`: what a test that passes prints so is not shown.
                let _ = writeln!(io::stderr(), "NOT TESTED beside Go: {error}");
                None
            }
        }
    }

    /// Starts a server on a free port.
    pub(crate) async fn server(self) -> Program {
        self.server_on("127.0.0.1:0").await
    }

    pub(crate) async fn server_on(self, address: &str) -> Program {
        let mut server = self.start("server", &["-listen", address]);
        server.address = server.line().await;
        server
    }

    /// Servers, as many as are asked for.
    pub(crate) async fn servers<const NODES: usize>(self) -> [Program; NODES] {
        let mut servers = Vec::new();
        for _ in 0..NODES {
            servers.push(self.server().await);
        }
        servers.try_into().unwrap()
    }

    /// Starts a client of these nodes, that is never called back.
    pub(crate) fn client(self, nodes: &[impl AsRef<str>]) -> Program {
        self.client_with_id(-1, nodes)
    }

    /// Starts a client that tells its nodes this id.
    pub(crate) fn client_with_id(self, id: i64, nodes: &[impl AsRef<str>]) -> Program {
        let id = format!("-id={id}");
        let arguments: Vec<_> = [&*id].into_iter().chain(nodes.iter().map(AsRef::as_ref)).collect();
        self.start("client", &arguments)
    }

    /// Starts a node of the release of Gorums.
    pub(crate) async fn release_server(self) -> Program {
        let mut server = self.start("release", &[]);
        server.address = server.line().await;
        server
    }

    /// The error that a client of the release of Gorums gets of a node.
    pub(crate) async fn release_client(self, address: &str) -> String {
        let mut client = self.start("release", &[address]);
        let mut said = client.line().await;
        while let Ok(Some(line)) = client.lines.next_line().await {
            said.push_str(&line);
        }
        said
    }

    /// What the benchmark prints.
    pub(crate) fn benchmark(self, arguments: &[&str]) -> io::Result<std::process::Output> {
        Command::new(self.0.join("benchmark")).args(arguments).output()
    }

    fn start(self, name: &str, arguments: &[&str]) -> Program {
        let mut command = tokio::process::Command::new(self.0.join(name));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Program { child, stdin, lines, address: String::new() }
    }
}

fn build() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gorums");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let built = Command::new("go")
        .args(["build", "-buildvcs=false", "-o"])
        .arg(folder.join(""))
        .args(["./benchmark", "./client", "./release", "./server"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/interop/gorums"))
        .output();
    match built {
        Ok(output) if output.status.success() => Ok(folder),
        Ok(output) => {
            Err(format!("`go build` failed: {}", String::from_utf8_lossy(&output.stderr)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err("there is no Go here: install it from https://go.dev/dl".to_owned())
        }
        Err(error) => Err(format!("`go` can't be run: {error}")),
    }
}

/// A program that runs, and does what it is told.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    address: String,
}

/// A reply that a program received.
#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Reply {
    pub(crate) node: u32,
    pub(crate) number: u64,
    pub(crate) text: String,
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) entries: std::collections::BTreeMap<String, String>,
}

/// What came to a program on the wire.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    pub(crate) noted: Vec<u64>,
    pub(crate) entries: Option<Vec<String>>,
    pub(crate) headers: Option<Vec<String>>,
    pub(crate) messages: usize,
    pub(crate) nameless: usize,
    pub(crate) streams: usize,
}

impl Program {
    /// `host:port` of a server.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Asks all nodes, or all clients that can be called, and waits for a reply of each.
    pub(crate) async fn ask(&mut self, method: &str, number: u64, text: &str) -> Vec<Reply> {
        let ask = json!({"method": method, "number": number, "text": text, "replies": 1});
        self.replies("ask", ask).await
    }

    /// Asks that often before it reads a reply, and numbers on.
    pub(crate) async fn burst(&mut self, method: &str, first: u64, count: usize) -> Vec<Reply> {
        let burst = json!({"method": method, "number": first, "count": count, "replies": 1});
        self.replies("burst", burst).await
    }

    /// What the console of the programs answers to a call.
    pub(crate) async fn replies(&mut self, what: &str, mut call: Value) -> Vec<Reply> {
        call["do"] = what.into();
        call["method"] = format!("recorder.{}", call["method"].as_str().unwrap()).into();
        self.tell(&call).await;
        self.answer().await
    }

    pub(crate) async fn seen(&mut self) -> Seen {
        self.tell(&json!({"do": "seen"})).await;
        self.answer().await
    }

    /// Waits until it has noted that many numbers, and gives them.
    pub(crate) async fn noted(&mut self, count: usize) -> Vec<u64> {
        let noted = async {
            loop {
                let noted = self.seen().await.noted;
                if noted.len() >= count {
                    return noted;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, noted).await.expect("it notes as many")
    }

    /// Waits until that many streams were opened to it.
    pub(crate) async fn met(&mut self, streams: usize) {
        let met = async {
            while self.seen().await.streams < streams {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, met).await.expect("as many streams are opened");
    }

    /// The ids of those whom it can call.
    pub(crate) async fn targets(&mut self) -> Vec<u32> {
        self.tell(&json!({"do": "targets"})).await;
        self.answer().await
    }

    /// Lets that many handlers that wait go on.
    pub(crate) async fn open(&mut self, count: usize) {
        self.tell(&json!({"do": "open", "count": count})).await;
        assert_eq!(self.answer::<usize>().await, count);
    }

    /// Ends the process at once.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    async fn tell(&mut self, command: &Value) {
        self.stdin.write_all(format!("{command}\n").as_bytes()).await.unwrap();
    }

    async fn answer<T: for<'a> Deserialize<'a>>(&mut self) -> T {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    async fn line(&mut self) -> String {
        let line = timeout(2 * PATIENCE, self.lines.next_line()).await.expect("it answers");
        line.unwrap().expect("the program runs")
    }
}
