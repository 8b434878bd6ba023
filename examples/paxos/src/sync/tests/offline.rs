//! Copies between nodes that are stopped.

use std::path::Path;

use example_support::identity::Identity;
use quorum_runtime::host::Disk;

use crate::compare;
use crate::consensus::{Ballot, Log, Write};
use crate::map::Map;
use crate::map::tests::{command, put};
use crate::mutant::Mutation;
use crate::paxos::{Batch, Entry};
use crate::sync::offline::offline;
use crate::sync::tests::world::{Parts, own};

/// A stopped node with so many slots, of 1,000 keys each.
fn node(folder: &Path, cluster: &str, number: u32, slots: u64) {
    let identity = Identity::new(cluster, number);
    let mut map = Map::open(folder, &identity, true, Mutation::default()).unwrap();
    for slot in 1..=slots {
        let keys = (0..1000).map(|key| command(0, 0, put(&format!("{key}"), &format!("{slot}"))));
        map.execute(&[(slot, Batch { commands: keys.collect() })]).unwrap();
    }
    map.persist().unwrap();
}

#[test]
fn a_stopped_node_is_given_the_store_of_another() {
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [new, old, other] = folders.each_ref().map(|folder| folder.path());
    node(new, "test", 1, 3);
    node(old, "test", 2, 2);
    node(other, "another", 2, 1);
    let mut told = Vec::new();
    offline(new, old, |keys, of| told.push((keys, of))).unwrap();
    assert_eq!(told.last(), Some(&(1000, 1000)));
    let compared = compare::offline([new, old], 9, |_| ()).unwrap();
    assert_eq!(compared.to_string(), "equal: 1000 keys as of slot 3");
    assert_eq!(
        Map::open(old, &Identity::new("test", 2), false, Mutation::default()).unwrap().applied(),
        3
    );

    let refused = offline(new, other, |_, _| ()).unwrap_err().to_string();
    assert_eq!(refused, "they are of two clusters: `test` and `another`");
    let older = tempfile::tempdir().unwrap();
    node(older.path(), "test", 3, 1);
    let refused = offline(older.path(), new, |_, _| ()).unwrap_err().to_string();
    assert!(
        refused.starts_with("the store of the second folder is newer: it is as of slot 3"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_was_accepted_before_a_copy_is_forgotten_when_the_node_starts() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [new, old] = folders.each_ref().map(|folder| folder.path());
    node(new, "test", 1, 3);
    node(old, "test", 2, 1);
    {
        // None of these was chosen: the other node has other batches in the first three slots.
        let disk = Disk::folder(old).unwrap();
        let identity = Identity::new("test", 2);
        let (log, _) = Log::open(&disk, &identity, Mutation::default()).unwrap();
        let accepted = [1, 2, 3, 4].map(|slot| Entry { slot, ballot: 7, batch: "stale".into() });
        let write = Write { promised: Ballot(7), accepted: accepted.into(), ..Write::default() };
        log.write(write).await.unwrap().await.unwrap();
    }
    tokio::task::yield_now().await; // The writer ends, and with it the file is closed.
    offline(new, old, |_, _| ()).unwrap();
    let parts = Parts::open(&own(old, 2, Mutation::default())).await.unwrap();
    assert_eq!((parts.learner.applied(), parts.log.first()), (3, 4));
    let kept = parts.log.entries(0, u64::MAX, usize::MAX).unwrap();
    assert_eq!(
        kept.iter().map(|entry| entry.slot).collect::<Vec<_>>(),
        [4],
        "it may be chosen yet"
    );
}
