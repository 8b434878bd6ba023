//! Comparisons against what a plain look at both stores finds.

use std::collections::BTreeMap;

use example_support::identity::Identity;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::found::Difference;
use super::*;
use crate::map::Map;
use crate::map::tests::{command, put};
use crate::mutant::Mutation;
use crate::paxos::command::Operation;
use crate::paxos::{Batch, Command, Delete, KeyDigest, Open};

/// A store in memory, in parts of three keys.
#[derive(Clone, Default)]
struct Small {
    pairs: BTreeMap<u8, u8>,
    slot: u64,
    sessions: Vec<u8>,
}

impl Scanner for Small {
    async fn scan(&mut self, after: &str, each: bool) -> anyhow::Result<ScanReply> {
        let name = |key: &u8| format!("{key:03}");
        let behind: Vec<_> =
            self.pairs.iter().filter(|(key, _)| name(key).as_str() > after).collect();
        let part = &behind[..behind.len().min(3)];
        let digest = |value: &u8| Sha256::digest([*value]).to_vec();
        let each = part.iter().filter(|_| each);
        Ok(ScanReply {
            slot: self.slot,
            sessions: self.sessions.clone(),
            last_key: part.last().map(|(key, _)| name(key)).unwrap_or_default(),
            keys: part.len() as u64,
            digest: part.iter().flat_map(|(key, value)| [**key, **value]).collect(),
            end: part.len() == behind.len(),
            each: each
                .map(|(key, value)| KeyDigest { key: name(key), digest: digest(value) })
                .collect(),
        })
    }
}

fn compared(one: &Small, other: &Small, told: usize) -> Comparison {
    let walk = compare(one.clone(), other.clone(), told, |_| ());
    futures::executor::block_on(walk).unwrap()
}

proptest! {
    #[test]
    fn every_key_that_differs_is_found_and_no_other(
        pairs in proptest::collection::btree_map(0..60_u8, 0..9_u8, 0..40),
        changes in proptest::collection::btree_map(0..60_u8, proptest::option::of(0..9_u8), 0..8),
        told in 0..6_usize,
    ) {
        let one = Small { pairs, ..Small::default() };
        let mut other = one.clone();
        for (key, change) in changes {
            match change {
                Some(value) => other.pairs.insert(key, value),
                None => other.pairs.remove(&key),
            };
        }
        let keys: std::collections::BTreeSet<_> = one.pairs.keys().chain(other.pairs.keys()).collect();
        let differing: Vec<_> = keys.iter().filter_map(|key| {
            let difference = match (one.pairs.get(key), other.pairs.get(key)) {
                (one, other) if one == other => return None,
                (Some(_), None) => Difference::OnlyFirst,
                (None, Some(_)) => Difference::OnlySecond,
                _ => Difference::Value,
            };
            Some((format!("{key:03}"), difference))
        }).collect();
        let found = compared(&one, &other, told);
        prop_assert_eq!(found.keys, keys.len() as u64);
        prop_assert_eq!(found.differing, differing.len() as u64);
        prop_assert_eq!(found.is_equal(), differing.is_empty());
        prop_assert_eq!(&found.told[..], &differing[..told.min(differing.len())]);
        let in_parts: u64 = found.parts.iter().map(|(_, differing)| differing).sum();
        prop_assert!(in_parts == found.differing || found.parts.len() == told);
    }
}

#[test]
fn what_differs_is_told() {
    let one = Small { pairs: (1..=9).map(|key| (key, 0)).collect(), ..Small::default() };
    let mut other = Small { slot: 7, sessions: vec![1], ..one.clone() };
    assert_eq!(compared(&one, &one, 2).to_string(), "equal: 9 keys as of slot 0");
    let sessions = Small { sessions: vec![1], ..one.clone() };
    let told = "not equal: 0 of 9 keys differ; they do not know the same sessions";
    assert_eq!(compared(&one, &sessions, 2).to_string(), told);
    other.pairs.extend([(5, 1), (8, 1), (20, 0)]);
    other.pairs.remove(&2);
    let told = "not equal: 4 of 10 keys differ; the first is as of slot 0, the second of slot 7; they do not \
                know the same sessions\n  1 behind \"\"\n  1 behind \"003\"\n  \"002\": only in the first\n  \
                \"005\": has two values\n  and 2 more";
    assert_eq!(compared(&one, &other, 2).to_string(), told);
}

/// A store with as many keys as three parts have, which is closed.
fn store(folder: &Path, also: impl IntoIterator<Item = Command>) {
    let identity = Identity::new("test", 1);
    let mut map = Map::open(folder, &identity, true, Mutation::default()).unwrap();
    let puts = (0..2500).map(|key| command(0, 0, put(&format!("key {key:04}"), "v")));
    let commands = [command(0, 0, Operation::Open(Open { nonce: 1 }))].into_iter().chain(puts);
    map.execute(&[(1, Batch { commands: commands.chain(also).collect() })]).unwrap();
    map.persist().unwrap();
}

#[test]
fn nodes_that_are_stopped_are_compared_without_a_change() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [a, b, c] = folders.each_ref().map(|folder| folder.path());
    store(a, []);
    store(b, []);
    let delete = Operation::Delete(Delete { key: "key 1234".to_owned() });
    store(c, [command(0, 0, delete), command(1 << 16, 1, put("key 2000", "w"))]);
    let bytes = std::fs::read(a.join("map.redb")).unwrap();

    let mut walked = Vec::new();
    let equal = offline([a, b], 9, |keys| walked.push(keys)).unwrap();
    assert_eq!(equal.to_string(), "equal: 2500 keys as of slot 1");
    assert_eq!(walked, [1000, 2000, 2500]);
    let other = offline([a, c], 9, |_| ()).unwrap();
    assert_eq!(
        other.told,
        [
            ("key 1234".to_owned(), Difference::OnlyFirst),
            ("key 2000".to_owned(), Difference::Value)
        ]
    );
    assert!(!other.same_sessions);
    assert!(std::fs::read(a.join("map.redb")).unwrap() == bytes);

    let empty = tempfile::tempdir().unwrap();
    let missing = format!("{:#}", offline([a, empty.path()], 9, |_| ()).unwrap_err());
    assert!(
        missing.starts_with(&format!("cannot read {}: map.redb: ", empty.path().display())),
        "{missing}"
    );
}
