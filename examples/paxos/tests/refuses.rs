//! What is wrong is refused in a sentence, and nothing is acknowledged that is not kept.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use program::{Nodes, answers, refusal, run};

#[track_caller]
fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn a_folder_is_that_of_one_node_of_one_cluster() {
    let mut nodes = Nodes::start(&[]);
    assert_eq!(nodes.ask("put k v\n"), "k: stored");
    let folder_of_one = nodes.data(1);
    let data = ["--data", folder_of_one.to_str().unwrap()];
    assert_contains(&nodes.refusal(2, &data), &["another process has its data in "]);
    nodes.interrupt(1);
    nodes.kill(2);
    assert_contains(&nodes.refusal(2, &data), &["it belongs to node 1, and this is node 2"]);
    let other = nodes.refusal(1, &["--cluster", "other"]);
    assert_contains(&other, &["it belongs to the cluster `paxos`, and this node to `other`"]);
}

#[test]
fn who_has_lost_his_store_does_not_begin_anew_by_himself() {
    let mut nodes = Nodes::start(&[]);
    nodes.kill(3);
    fs::remove_dir_all(nodes.data(3)).unwrap();
    assert_contains(&nodes.refusal(3, &[]), &["--new"]);
    fs::create_dir_all(nodes.data(3)).unwrap();
    assert_contains(&nodes.refusal(3, &[]), &["--new"]);
}

#[test]
fn a_damaged_file_is_not_opened_and_not_repaired() {
    let mut nodes = Nodes::start(&[]);
    let input: String = (0..20).map(|number| format!("put k{number} damaged\n")).collect();
    assert_eq!(nodes.ask(&input).lines().filter(|line| line.ends_with(": stored")).count(), 20);
    nodes.interrupt(2);
    for file in ["log.redb", "map.redb"] {
        let file = nodes.data(2).join(file);
        let whole = fs::read(&file).unwrap();
        // Wherever it is: a page that is in use no more may say what it likes.
        let mut flipped = whole.clone();
        let at = |at: &usize| whole[*at..].starts_with(b"damaged");
        for at in (0..whole.len()).filter(at) {
            flipped[at] ^= 1;
        }
        assert!(flipped != whole, "nothing of it is in {}", file.display());
        for damaged in [&flipped, &whole[..whole.len() / 2], &whole[..10]] {
            fs::write(&file, damaged).unwrap();
            let refusal = nodes.refusal(2, &[]);
            assert_contains(&refusal, &[file.file_name().unwrap().to_str().unwrap()]);
            assert!(!refusal.contains("panicked"), "{refusal}");
            assert!(fs::read(&file).unwrap() == *damaged, "{} was changed", file.display());
        }
        fs::write(&file, &whole).unwrap();
    }
    nodes.start_one(2, &[]);
}

#[test]
fn clients_of_another_cluster_are_told_so() {
    let nodes = Nodes::start(&[]);
    let output = run(&["--connect", &nodes.peers(), "--cluster", "other"], "put k v\n");
    let answers = answers(&output);
    let parts = [
        "the call is for node ",
        " of the cluster `other`, paxos/1, and this is node ",
        " of the cluster `paxos`, paxos/1, 3 nodes, quorums of 2 to prepare and 2 to accept, leases of 2000 \
         ms, drift 0.01: check the addresses",
    ];
    assert_contains(answers[0], &parts);
}

#[test]
fn what_is_for_another_node_is_refused() {
    let nodes = Nodes::start(&[]);
    let swapped = [2, 1, 3].map(|id| nodes.address(id)).join(",");
    let output = run(&["--connect", &swapped], "local 1 k\nstatus\n");
    assert_contains(
        answers(&output)[0],
        &[
            "the call is for node 1 of the cluster `paxos`, paxos/1, and this is node 2 of the cluster",
        ],
    );
}

#[test]
fn nodes_with_other_quorums_do_not_take_part() {
    let mut nodes = Nodes::start(&["--lease-ms", "500"]);
    assert_eq!(nodes.ask("put k v\n"), "k: stored");
    nodes.kill(3);
    nodes.start_one(3, &["--lease-ms", "500", "--prepare-quorum", "3", "--accept-quorum", "1"]);
    nodes.kill(2);
    // Node 1 needs one more to accept, and node 3 thinks that it needs nobody: were it heard, this would be
    // stored at one node alone.
    let prompt = ["--connect", &nodes.peers(), "--timeout-ms", "3000"];
    let output = run(&prompt, "put k w\n");
    assert!(answers(&output)[0].starts_with("error: "), "{output:?}");
    nodes.start_one(2, &["--lease-ms", "500"]);
    assert_eq!(nodes.ask("put k x\n"), "k: replaced");
}

#[test]
fn values_over_the_limit_are_not_sent() {
    let (key, value) = ("k".repeat(1 << 10), "v".repeat(1 << 20));
    let input = format!("put {key} {value}\nput {key}k v\nput k {value}v\nget k\n");
    let output = run(&[], &input);
    let expected = [
        &format!("{key}: stored"),
        "error: the key has 1025 bytes: the longest that is stored has 1024; nothing was sent",
        "error: the value has 1048577 bytes: the longest that is stored has 1048576; nothing was sent",
        "k: not found",
    ];
    assert_eq!(answers(&output), expected);
}

/// A limit on the size of its files is to a node what a full disk is.
#[test]
fn a_node_whose_disk_is_full_ends_and_has_all_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let serve = |limit: &str, new: &str| {
        let program = env!("CARGO_BIN_EXE_paxos");
        let script = format!(
            "trap '' XFSZ; ulimit -f {limit}; exec {program} serve --id 1 --peers {address} --data {} {new}",
            folder.path().display()
        );
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::piped());
        shell.spawn().unwrap()
    };
    let full = serve("8192", "--new");
    let connect = ["--connect", &address];
    assert_eq!(answers(&run(&connect, "put first v\n")), ["first: stored"]);
    let value = "v".repeat(500_000);
    let input: String = (0..12).map(|number| format!("put k{number} {value}\n")).collect();
    let output = run(&[&connect[..], &["--timeout-ms", "1000"]].concat(), &input);
    let stored = answers(&output).iter().take_while(|answer| answer.ends_with(": stored")).count();
    assert!((2..12).contains(&stored), "{stored} were stored");
    let ended = full.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success(), "{said}");
    assert_contains(&said, &["this node has ended because its store failed", "File too large"]);

    let mut again = serve("unlimited", "");
    let input: String = (0..stored).map(|number| format!("get k{number}\n")).collect();
    let output = run(&connect, &input);
    let found = answers(&output).iter().filter(|answer| answer.len() > 500_000).count();
    again.kill().unwrap();
    again.wait().unwrap();
    assert_eq!(found, stored, "{output:?}");
}

#[test]
fn what_is_wrong_with_the_arguments_is_said() {
    let quorums = ["serve", "--id", "1", "--prepare-quorum", "1", "--accept-quorum", "2"];
    assert_contains(&refusal(&quorums), &["need not share a node", "make them 4 together"]);
    assert_contains(&refusal(&["serve"]), &["which node is this? say --id 1"]);
    assert_contains(&refusal(&["serve", "--id", "4"]), &["there is no node 4 among 3 peers"]);
    assert_contains(&refusal(&["serve", "--id", "1", "--lease-ms", "x"]), &["invalid value 'x'"]);
    assert_contains(&refusal(&["serve", "--id", "1", "--cluster", "a b"]), &["`a b` is no name"]);
    assert_contains(
        &refusal(&["--connect", "localhost"]),
        &["`localhost` is no address of a node"],
    );
    assert_contains(&refusal(&["--connect", "a:1,a:1"]), &["address `a:1` is used twice"]);
    assert_contains(&refusal(&["--tls-cert", "x.pem"]), &["--tls-key"]);
    assert_contains(
        &refusal(&["serve", "--id", "1", "--config", "none.toml"]),
        &["cannot read none.toml"],
    );
    assert_contains(&refusal(&["load", "--set", "window"]), &["`window` sets nothing"]);
    assert_contains(
        &refusal(&["compare", "nowhere-1", "nowhere-2"]),
        &["there is no folder nowhere-1"],
    );
    assert!(!Path::new("nowhere-1").exists());
}

#[test]
fn settings_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.toml");
    let config = ["serve", "--config", file.to_str().unwrap()];
    fs::write(&file, "[node]\nid = 9\npeers = ['127.0.0.1:1']\n").unwrap();
    assert_contains(&refusal(&config), &["there is no node 9 among 1 peers"]);
    fs::write(&file, "[cluster]\nleases = 3\n").unwrap();
    assert_contains(
        &refusal(&config),
        &["node.toml is no file of settings", "unknown field `leases`"],
    );
}
