//! Two stores of nodes that do not run, as a user compares them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use std::fs;

use program::{Nodes, paxos, run};

#[test]
fn the_stores_of_killed_nodes_are_compared_and_not_changed() {
    let mut nodes = Nodes::start(&[]);
    let input: String = (0..20).map(|number| format!("put k{number} v\n")).collect();
    assert!(nodes.ask(&(input + "trim\n")).contains("the log begins at slot "));
    for id in 1..=3 {
        nodes.kill(id);
    }
    let bytes = || [1, 2].map(|id| fs::read(nodes.data(id).join("map.redb")).unwrap());
    let (before, folders) = (bytes(), [1, 2].map(|id| nodes.data(id)));
    let folders = folders.each_ref().map(|folder| folder.to_str().unwrap());
    let output = run(&["compare", folders[0], folders[1]], "");
    // How far their stores were durable when they were killed is left to chance.
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.success(), said.starts_with("equal: "), "{said}");
    assert!(output.stderr.is_empty() && said.contains("slot"), "{said}");
    // Nobody who reads it has to be there for that.
    let (reader, nobody) = std::io::pipe().unwrap();
    drop(reader);
    let unread = paxos(&["compare", folders[0], folders[1]]).stdout(nobody).output().unwrap();
    assert_eq!(unread.status.code(), output.status.code());
    assert!(unread.stderr.is_empty(), "{unread:?}");
    assert!(bytes() == before);

    // They go on from there.
    for id in 1..=3 {
        nodes.start_one(id, &[]);
    }
    assert_eq!(nodes.ask("get k7\n"), "k7 = v");
}
