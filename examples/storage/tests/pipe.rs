//! The program as a user runs it: processes, pipes and kills.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use example_support::process::Process;
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

fn serve(node: usize, listen: &str, options: &[&str]) -> Process {
    let node = node.to_string();
    let arguments = [&["--node", &node], options].concat();
    Process::start(env!("CARGO_BIN_EXE_storage"), listen, arguments).unwrap()
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
    let mut servers = [0, 1, 2].map(|node| serve(node, "127.0.0.1:0", &[]));
    let addresses = servers.each_ref().map(|server| server.address().to_owned());
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

    servers[1].restart().unwrap();
    prompt.ask_until("rpc 1 read k", "k: not found");
    assert_eq!(prompt.ask("qc write k 4"), "k: written");
    assert_eq!(prompt.ask("qc read k"), "k = 4");
    prompt.close();
}

#[test]
fn with_data_nothing_that_was_written_is_lost_by_kills() {
    let folders = [0, 1, 2].map(|_| tempfile::tempdir().unwrap());
    let start = |number: usize, listen: &str| {
        serve(number, listen, &["--data", folders[number].path().to_str().unwrap()])
    };
    let mut servers = [0, 1, 2].map(|number| start(number, "127.0.0.1:0"));
    let addresses = servers.each_ref().map(|server| server.address().to_owned());
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
    let _server = serve(0, "127.0.0.1:0", &["--data", taken]);
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
    let taken = serve(0, "127.0.0.1:0", &[]);
    let listen = refusal(&["serve", "--node", "0", "--listen", taken.address()]);
    assert!(listen.contains(&format!("cannot listen on {}: ", taken.address())), "{listen}");
}

#[test]
fn every_register_answers_the_whole_prompt() {
    let input = "qc write k v\nqc read k\nlevels k\nmcast k w\nrpc 0 write k x\nrpc 0 read k\n";
    for options in [&["--writer", "single"][..], &["--byzantine"], &[]] {
        let output = run(options, input);
        let answers = answers(&output);
        assert_eq!(answers[..2], ["k: written", "k = v"], "{options:?}");
        assert!(answers.contains(&"k = v  (level 3)"), "{answers:?}");
        let one_way = answers.len() - 3;
        assert_eq!(answers[one_way..], ["sent to 4 nodes", "k: written", "k = x"], "{options:?}");
    }
}

#[test]
fn who_has_no_private_key_reads_and_does_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let made = run(&["make-keys", &path("keys")], "");
    assert_eq!(answers(&made), [path("keys/writer.key"), path("keys/writer.pub")]);
    let (private, public) = (path("keys/writer.key"), path("keys/writer.pub"));
    let servers: Vec<_> =
        (0..4).map(|node| serve(node, "127.0.0.1:0", &["--key", &public])).collect();
    let addresses: Vec<_> = servers.iter().map(Process::address).collect();
    let connect = ["--connect", &addresses.join(","), "--byzantine", "--key"];
    let writer = run(&[&connect[..], &[&private]].concat(), "qc write k v");
    assert_eq!(answers(&writer), ["k: written"]);
    let reader = run(&[&connect[..], &[&public]].concat(), "qc read k\nqc write k w");
    let refusal =
        "error: only the writer can write here, who has the private key: name it with --key";
    assert_eq!(answers(&reader), ["k = v", refusal]);
    // Who signs nothing is refused by the servers, each of them.
    let stranger = run(&connect[..2], "qc write k w");
    assert!(answers(&stranger)[0].contains("the writer has not signed this"), "{stranger:?}");
}

#[test]
fn what_belongs_to_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let server = serve(0, "127.0.0.1:0", &["--cluster", "blue", "--data", data]);
    let connect = |cluster: &str, addresses: &str| {
        let arguments = ["--timeout-ms", "1000", "--cluster", cluster, "--connect", addresses];
        answers(&run(&arguments, "qc write k v"))[0].to_owned()
    };
    assert_eq!(connect("blue", server.address()), "k: written");
    let other = connect("red", server.address());
    assert!(other.contains("the call is for node 0 of the cluster `red`, storage/1, and this is node 0 of the cluster `blue`"), "{other}");
    let order = ["--cluster", "blue", "--connect", &format!("127.0.0.1:1,{}", server.address())];
    let order = run(&order, "rpc 1 read k");
    let order = answers(&order)[0];
    assert!(order.contains("the call is for node 1 of the cluster `blue`"), "{order}");
    drop(server);

    let refused = |options: &[&str]| {
        let arguments = [&["serve", "--listen", "127.0.0.1:0", "--data", data], options].concat();
        let output = run(&arguments, "");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let cluster = refused(&["--node", "0"]);
    assert!(
        cluster.contains("belongs to the cluster `blue`, and this node to `storage`"),
        "{cluster}"
    );
    let node = refused(&["--node", "1", "--cluster", "blue"]);
    assert!(node.contains("belongs to node 0, and this is node 1: name the folder"), "{node}");

    let file = folder.path().join("store.redb");
    let whole = std::fs::read(&file).unwrap();
    let value = whole.windows(3).position(|bytes| bytes == b"\x0a\x01v").unwrap();
    let mut flipped = whole.clone();
    flipped[value + 2] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() / 2], &whole[..100], &[]] {
        std::fs::write(&file, damaged).unwrap();
        let error = refused(&["--node", "0", "--cluster", "blue"]);
        assert!(error.contains("it is damaged: ") || error.contains("it is no store"), "{error}");
        assert!(std::fs::read(&file).unwrap() == damaged, "it is left as it was");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let value = "v".repeat((1 << 20) + 1);
    let output = run(&[], &format!("qc write k {value}\nqc write k {}\n", &value[1..]));
    let refusal = "error: the value has 1048577 bytes, and at most 1048576 are stored: split it";
    assert_eq!(answers(&output), [refusal, "k: written"]);
}
