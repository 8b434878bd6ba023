//! Every command measures for a moment, and its figures have their shape.

use crate::program::{Server, figures, printed, run};

const SHORT: &str = "--seconds 0.2 --warm-up 0.05";

#[test]
fn every_peer_does_the_same_calls() {
    for peer in ["quorum", "unary", "tcp"] {
        let runs = printed(&format!(
            "run --peer {peer} --nodes 5 --payload 3000 --callers 4 {SHORT} --json -"
        ));
        let runs = figures(&runs);
        let [run] = &runs[..] else { panic!("{runs:?}") };
        assert_eq!((&run["peer"], &run["call"]), (&peer.into(), &"quorumcall".into()));
        let shape = ["nodes", "payload", "callers"].map(|key| run[key].as_u64().unwrap());
        assert_eq!(shape, [5, 3000, 4]);
    }
}

#[test]
fn every_call_type_is_measured() {
    for call in ["rpc", "multicast", "correctable"] {
        let runs = figures(&printed(&format!("{call} {SHORT} --json -")));
        assert_eq!(runs[0]["call"], call);
    }
}

#[test]
fn figures_are_printed_for_people() {
    let text = printed(&format!("run --nodes 1 --callers 1 --payload 1024 --quorum all {SHORT}"));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("quorumcall by quorum: 1 node, 1 KiB of payload, 1 caller"));
    assert!(lines.next().unwrap().ends_with("  calls per second"), "{text}");
}

#[test]
fn payloads_beyond_the_usual_limit_have_room() {
    for peer in ["quorum", "unary", "tcp"] {
        let payload = 5 * 1024 * 1024;
        printed(&format!(
            "run --peer {peer} --payload {payload} --callers 1 --nodes 1 --seconds 0.5 --warm-up 0"
        ));
    }
}

#[test]
fn servers_elsewhere_are_called_by_each_peer() {
    for peer in ["quorum", "unary", "tcp"] {
        let servers = [0; 2].map(|_| Server::start(peer));
        let remotes = servers.each_ref().map(|server| server.address.as_str()).join(",");
        let runs = figures(&printed(&format!(
            "run --peer {peer} --remotes {remotes} --callers 2 {SHORT} --json -"
        )));
        assert_eq!(runs[0]["nodes"], 2);
    }
}

#[test]
fn a_remote_that_is_down_is_named_and_the_others_are_measured() {
    for peer in ["quorum", "unary", "tcp"] {
        let servers = [0; 2].map(|_| Server::start(peer));
        let remotes = servers.each_ref().map(|server| server.address.as_str()).join(",");
        let output =
            run(&format!("run --peer {peer} --remotes {remotes},127.0.0.1:1 {SHORT} --json -"));
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert_eq!(figures(std::str::from_utf8(&output.stdout).unwrap())[0]["nodes"], 3);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("does not answer") && said.contains("127.0.0.1:1: "), "{said}");
    }
}

#[test]
fn a_hang_is_seen_before_during_and_after() {
    let runs = figures(&printed(&format!("hang --nodes 3 --callers 4 {SHORT} --json -")));
    let phases: Vec<_> = runs.iter().map(|run| run["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["before", "during", "after"]);
    let text = printed(&format!("hang --nodes 3 --callers 4 {SHORT}"));
    assert!(
        text.starts_with("one of 3 nodes stops reading; 0 B of payload, 4 callers\n"),
        "{text}"
    );
    assert!(text.contains("memory grew by "), "{text}");
}
