//! What is meant, and what is refused.

use super::*;

fn config(settings: &Settings, id: u32) -> Result<Config> {
    let own = Own { id: Some(id), ..Own::default() };
    settings.config(own, false)
}

fn refusal(change: impl FnOnce(&mut Settings)) -> String {
    let mut settings = Settings::default();
    change(&mut settings);
    config(&settings, 1).unwrap_err().to_string()
}

#[test]
fn without_settings_three_nodes_of_one_machine_are_meant() {
    let config = config(&Settings::default(), 2).unwrap();
    assert_eq!(config.peers, ["127.0.0.1:7101", "127.0.0.1:7102", "127.0.0.1:7103"]);
    assert_eq!(config.folder, Path::new("paxos-2"));
    let Agreement { prepare_quorum, accept_quorum, .. } = config.agreement;
    assert_eq!((prepare_quorum, accept_quorum), (2, 2));
}

#[test]
fn one_quorum_gives_the_other() {
    let quorums = |prepare_quorum, accept_quorum, nodes| {
        Settings { prepare_quorum, accept_quorum, ..Settings::default() }.quorums(nodes).unwrap()
    };
    assert_eq!(quorums(None, None, 4), (3, 3));
    assert_eq!(quorums(Some(4), None, 5), (4, 2));
    assert_eq!(quorums(None, Some(1), 5), (5, 1));
    assert_eq!(quorums(Some(5), Some(5), 5), (5, 5));
}

#[test]
fn what_is_wrong_is_said_with_its_mend() {
    assert_eq!(
        refusal(|s| (s.prepare_quorum, s.accept_quorum) = (Some(2), Some(1))),
        "a --prepare-quorum of 2 and an --accept-quorum of 1 among 3 nodes need not share a node, so \
         what was chosen could be lost: make them 4 together"
    );
    assert_eq!(
        refusal(|s| s.accept_quorum = Some(4)),
        "--accept-quorum is 4: write a number from 1 to 3"
    );
    assert!(refusal(|s| s.drift = Some(f64::NAN)).contains("can hold no lease"));
    assert!(refusal(|s| s.lease_ms = Some(0)).starts_with("--lease-ms is 0: "));
    assert!(refusal(|s| s.batch_bytes = Some(usize::MAX)).starts_with("--batch-bytes is "));
    assert!(refusal(|s| s.cluster = Some("a b".into())).starts_with("`a b` is no name"));
    assert_eq!(
        config(&Settings::default(), 4).unwrap_err().to_string(),
        "there is no node 4 among 3 peers: say an --id from 1 to 3"
    );
}

#[test]
fn flags_come_before_the_file() {
    let text = "[node]\nid = 2\npeers = ['a:1', 'b:2']\n[cluster]\nname = 'x'\nlease-ms = 700\n";
    let File { node, cluster, .. } = toml::from_str(text).unwrap();
    let own = Own { id: Some(1), ..Own::default() }.or(node);
    let flags = Settings { lease_ms: Some(900), ..Settings::default() };
    let config = flags.or(cluster).config(own, true).unwrap();
    assert_eq!((config.id, config.peers.len()), (1, 2));
    assert_eq!(config.agreement.lease, Duration::from_millis(900));
    assert_eq!(config.agreement.cluster, "x");
    toml::from_str::<File>("[cluster]\nlease = 3\n").unwrap_err();
}
