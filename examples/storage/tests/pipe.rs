//! The program as a user runs it: processes, pipes and kills.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

fn storage() -> Command {
    Command::new(env!("CARGO_BIN_EXE_storage"))
}

/// Runs the program with this text on its standard input.
fn run(arguments: &[&str], input: &str) -> Output {
    let mut command = storage();
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.args(arguments).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn answers(output: &Output) -> Vec<&str> {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap().lines().collect()
}

/// A server process, killed with SIGKILL when it is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(listen: &str) -> Self {
        Self::start_with(listen, &[])
    }

    fn start_with(listen: &str, options: &[&str]) -> Self {
        let mut command = storage();
        let command = command.args(["serve", "--node", "0", "--listen", listen]).args(options);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, address }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A prompt that stays open.
struct Prompt {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Prompt {
    fn open(arguments: &[&str]) -> Self {
        let mut command = storage();
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pipes.args(arguments).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    /// The one line that answers a command.
    fn ask(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// Asks until the answer comes that is to come.
    fn ask_until(&mut self, command: &str, wanted: &str) {
        for _ in 0..200 {
            if self.ask(command) == wanted {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("`{command}` never answered `{wanted}`");
    }

    fn close(self) {
        let Self { mut child, input, .. } = self;
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn four_servers_and_a_prompt_in_one_process() {
    let output = run(&[], "qc write greeting hello\nqc read greeting\nnodes\nexit\n");
    let answers = answers(&output);
    assert_eq!(answers[..2], ["greeting: written", "greeting = hello"]);
    assert_eq!(answers.len(), 6, "{answers:?}");
    for (number, line) in answers[2..].iter().enumerate() {
        assert!(line.starts_with(&format!("{number}  127.0.0.1:")), "{line}");
    }
}

#[test]
fn every_command_answers_and_the_end_of_the_input_ends_the_program() {
    let input = "\
        mcast a 'one way'\n\
        cfg 0,2 read a\n\
        cfg 1:3 read a\n\
        rpc 3 read a\n\
        rpc 0 write b 1\n\
        rpc 1 read b\n\
        ucast 1 b 2\n\
        rpc 1 read b\n\
        qc read b\n\
        qc read nothing\n\
        cfg 2:4 write c \"a b\"\n\
        rpc 3 read c\n\
        cfg 0:4 read c";
    let expected = [
        "sent to 4 nodes",
        "a = one way",
        "a = one way",
        "a = one way",
        "b: written",
        "b: not found",
        "sent to 1 node",
        "b = 2",
    ];
    let output = run(&[], input);
    let answers = answers(&output);
    assert_eq!(answers[..8], expected);
    // Nodes 0 and 1 hold b; a majority of four asks three, and meets one of them.
    assert!(["b = 1", "b = 2"].contains(&answers[8]), "{}", answers[8]);
    assert_eq!(answers[9..], ["nothing: not found", "c: written", "c = a b", "c = a b"]);
}

#[test]
fn a_bad_command_is_answered_and_the_prompt_goes_on() {
    let output =
        run(&[], "\nfrob\nqc write\nqc read 'a\nrpc 9 read a\ncfg 0,9 read a\n\u{0}\nhelp\n");
    let answers = answers(&output);
    let refusals = [
        "error: there is no command `frob`: `help` lists them",
        "error: usage: … read KEY | … write KEY VALUE",
        "error: a quote is not closed",
        "error: there is no node 9 in this manager",
        "error: node 9 is no member of this configuration",
        "error: there is no command `\u{0}`: `help` lists them",
    ];
    assert_eq!(answers[..6], refusals);
    assert!(answers[6].starts_with("help "), "{}", answers[6]);
}

#[test]
fn servers_are_killed_and_restarted_under_one_prompt() {
    let mut servers = [0, 1, 2].map(|_| Server::start("127.0.0.1:0"));
    let addresses = servers.each_ref().map(|server| server.address.clone());
    let mut prompt = Prompt::open(&["--connect", &addresses.join(",")]);
    assert_eq!(prompt.ask("qc write k 1"), "k: written");

    servers[0].kill();
    assert_eq!(prompt.ask("qc write k 2"), "k: written");
    assert_eq!(prompt.ask("qc read k"), "k = 2");

    servers[1].kill();
    let error = prompt.ask("qc write k 3");
    assert!(error.starts_with("error: storage.Storage.Read can reach no quorum: "), "{error}");
    for (number, address) in addresses[..2].iter().enumerate() {
        assert!(error.contains(&format!("node {number} ({address}): ")), "{error}");
    }
    prompt.ask_until(
        "rpc 1 read k",
        &format!(
            "error: storage.Storage.Read failed at node 1 ({}): cannot connect: connection refused",
            addresses[1]
        ),
    );

    servers[1] = Server::start(&addresses[1]);
    prompt.ask_until("rpc 1 read k", "k: not found");
    assert_eq!(prompt.ask("qc write k 4"), "k: written");
    assert_eq!(prompt.ask("qc read k"), "k = 4");
    prompt.close();
}

#[test]
fn with_data_nothing_that_was_written_is_lost_by_kills() {
    let folders = [0, 1, 2].map(|_| tempfile::tempdir().unwrap());
    let start = |number: usize, listen: &str| {
        Server::start_with(listen, &["--data", folders[number].path().to_str().unwrap()])
    };
    let mut servers = [0, 1, 2].map(|number| start(number, "127.0.0.1:0"));
    let addresses = servers.each_ref().map(|server| server.address.clone());
    let mut prompt = Prompt::open(&["--connect", &addresses.join(",")]);
    for round in 1..=3 {
        assert_eq!(prompt.ask(&format!("qc write k {round}")), "k: written");
        for server in &mut servers {
            server.kill();
        }
        for (number, server) in servers.iter_mut().enumerate() {
            *server = start(number, &addresses[number]);
        }
        prompt.ask_until("qc read k", &format!("k = {round}"));
    }
    prompt.close();
}

#[test]
fn the_servers_of_a_prompt_keep_their_data_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--nodes", "3", "--data", folder.path().to_str().unwrap()];
    assert_eq!(answers(&run(&arguments, "qc write k v\n")), ["k: written"]);
    assert_eq!(answers(&run(&arguments, "qc read k\n")), ["k = v"]);
}

#[test]
fn a_folder_belongs_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("0");
    let taken = taken.to_str().unwrap();
    let _server = Server::start_with("127.0.0.1:0", &["--data", taken]);
    // Its first server wants the same folder.
    let second = run(&["--nodes", "1", "--data", folder.path().to_str().unwrap()], "");
    assert_eq!(second.status.code(), Some(1));
    let error = String::from_utf8(second.stderr).unwrap();
    let expected = format!("Error: another process has its data in {taken}: name another folder");
    assert_eq!(error.lines().next(), Some(expected.as_str()));
}

#[test]
fn what_is_wrong_with_the_arguments_is_said() {
    let refusal = |arguments: &[&str]| {
        let output = run(arguments, "");
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let address = refusal(&["--connect", "localhost"]);
    assert!(
        address.contains("`localhost` is no address of a node (the port is missing)"),
        "{address}"
    );
    let twice = refusal(&["--connect", "a:1,a:1"]);
    assert!(twice.contains("address `a:1` is used twice, for node 0 and for node 1"), "{twice}");
    let file = refusal(&[
        "serve",
        "--node",
        "0",
        "--listen",
        "127.0.0.1:0",
        "--data",
        env!("CARGO_BIN_EXE_storage"),
    ]);
    assert!(file.starts_with("Error: cannot make the folder "), "{file}");
    let taken = Server::start("127.0.0.1:0");
    let listen = refusal(&["serve", "--node", "0", "--listen", &taken.address]);
    assert!(listen.contains(&format!("cannot listen on {}: ", taken.address)), "{listen}");
}
