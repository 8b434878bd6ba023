//! The prompt as a user has it: through a pipe.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use program::{Nodes, answers, run};

#[test]
fn three_nodes_and_a_prompt_in_one_process() {
    let input = "put a 1\nput a 'two words'\nget a\nput b 1\ndel b\ndel b\nget b\nget nothing\nstatus\nexit\nget a\n";
    let output = run(&[], input);
    let answers = answers(&output);
    let expected = [
        "a: stored",
        "a: replaced",
        "a = two words",
        "b: stored",
        "b: deleted",
        "b: not found",
        "b: not found",
        "nothing: not found",
    ];
    assert_eq!(answers[..8], expected);
    assert!(answers[8].starts_with("node  role"), "{answers:?}");
    assert_eq!(
        answers[9..].iter().filter(|line| line.contains("  leads ")).count(),
        1,
        "{answers:?}"
    );
    assert_eq!(answers.len(), 12, "{answers:?}");
}

#[test]
fn a_node_is_killed_and_copies_a_store_when_the_log_was_trimmed() {
    let input = "put a 1\nkill 3\nkill 3\nput b 2\ntrim\nput c 3\nstart 3\nsync 3 hold\nlocal 3 b\ncompare 1 3\n\
                 compare 2 3\nsync 2\ncompare 1 2\nkill 1\nget c\nstart 1\nget c\n";
    let output = run(&[], input);
    let answers = answers(&output);
    assert_eq!(
        answers[..4],
        ["a: stored", "node 3 is dead", "error: node 3 does not run", "b: stored"]
    );
    assert!(answers[4].starts_with("the log begins at slot "), "{}", answers[4]);
    assert_eq!(answers[5..7], ["c: stored", "node 3 has started"]);
    assert!(answers[7].starts_with("node 3 has copied the store of node "), "{}", answers[7]);
    assert_eq!(answers[8], "b = 2");
    for at in [9, 10, 12] {
        assert!(answers[at].starts_with("equal: 3 keys as of slot "), "{}", answers[at]);
    }
    assert_eq!(answers[13..], ["node 1 is dead", "c = 3", "node 1 has started", "c = 3"]);
}

#[test]
fn the_nodes_of_a_prompt_keep_their_data_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--nodes", "5", "--data", folder.path().to_str().unwrap()];
    assert_eq!(answers(&run(&arguments, "put k v\n")), ["k: stored"]);
    assert_eq!(answers(&run(&arguments, "get k\n")), ["k = v"]);
}

#[test]
fn a_bad_command_is_answered_and_the_prompt_goes_on() {
    let input = "\nfrob\nput k\nget 'k\nlocal 9 k\nkill 9\nstart 1\nsync 9\ncompare 1 9\ncompare 1 1\n\u{0}\nput '' v\nhelp\n";
    let output = run(&[], input);
    let refusals = [
        "error: there is no command `frob`: `help` lists them",
        "error: usage: put KEY VALUE",
        "error: a quote is not closed",
        "error: there is no node 9 in this manager",
        "error: there is no node 9: they have numbers from 1 to 3",
        "error: node 1 runs already",
        "error: there is no node 9: `status` shows them",
        "error: there is no node 9: `status` shows them",
        "error: compare two nodes: 1 is one",
        "error: there is no command `\u{0}`: `help` lists them",
        "error: the key is empty; nothing was sent",
    ];
    let answers = answers(&output);
    assert_eq!(answers[..11], refusals);
    assert!(answers[11].starts_with("put KEY VALUE "), "{}", answers[11]);
}

#[test]
fn a_prompt_on_processes() {
    let nodes = Nodes::start(&["--lease-ms", "500"]);
    let connect = ["--connect", &nodes.peers()];
    let output = run(&connect, "put k v\nlocal 1 other\nkill 1\n");
    let answers = answers(&output);
    assert_eq!(answers[..2], ["k: stored", "other: not found"]);
    assert!(
        answers[2].starts_with("error: these nodes are processes of their own: "),
        "{}",
        answers[2]
    );
}
