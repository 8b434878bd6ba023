//! The provider alone: what it keeps, and for how long.

use std::time::Duration;

use prost::Message as _;
use quorum_runtime::{Code, Status};
use tempfile::TempDir;

use super::world::{Parts, own};
use crate::map::tests::{command, put};
use crate::mutant::Mutation;
use crate::paxos::command::Operation;
use crate::paxos::{Batch, Command, Cookie, PullReply, PullRequest, ScanRequest};
use crate::sync::provider::{EXPIRY, Provider};

struct Node {
    parts: Parts,
    provider: Provider,
    slots: u64,
    _folder: TempDir,
}

impl Node {
    /// A node with so many keys, in as many slots.
    async fn new(keys: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let parts = Parts::open(&own(folder.path(), 1, Mutation::default())).await.unwrap();
        let provider = Provider::new(7, parts.learner.clone(), parts.log.clone());
        let mut node = Self { parts, provider, slots: 0, _folder: folder };
        for key in 0..keys {
            node.next([command(0, 0, put(&format!("k{key:03}"), "v"))]).await;
        }
        node
    }

    async fn next(&mut self, commands: impl IntoIterator<Item = Command>) {
        let batch = Batch { commands: commands.into_iter().collect() };
        self.slots += 1;
        self.parts.learn(self.slots, [batch.encode_to_vec().into()]).await.unwrap();
        self.parts.learner.reached(self.slots).await;
    }

    async fn open(&self) -> Cookie {
        self.provider.open().await.unwrap().cookie.unwrap()
    }

    async fn pull(&self, cookie: Cookie, key: &str, slot: u64) -> Result<PullReply, Status> {
        let (cookie, after_key) = (Some(cookie), key.to_owned());
        self.provider.pull(PullRequest { cookie, after_key, after_slot: slot, keys: 4 }).await
    }
}

fn keys(chunk: &PullReply) -> Vec<&str> {
    chunk.pairs.iter().map(|pair| pair.key.as_str()).collect()
}

fn slots(chunk: &PullReply) -> Vec<u64> {
    chunk.commits.iter().map(|entry| entry.slot).collect()
}

#[tokio::test]
async fn new_commits_come_first_and_keys_are_those_of_the_snapshot() {
    let mut node = Node::new(6).await;
    let opened = node.provider.open().await.unwrap();
    let cookie = opened.cookie.unwrap();
    assert_eq!((opened.slot, opened.keys), (6, 6));
    node.next([command(0, 0, put("k000", "later")), command(0, 0, put("k9", "later"))]).await;

    let first = node.pull(cookie, "", 6).await.unwrap();
    assert_eq!((slots(&first), keys(&first)), (vec![7], vec!["k000", "k001", "k002", "k003"]));
    assert_eq!((&*first.pairs[0].value, first.last), ("v", false));
    let again = node.pull(cookie, "", 6).await.unwrap();
    assert_eq!(again, first, "who was not answered asks again");
    let second = node.pull(cookie, "k003", 7).await.unwrap();
    assert_eq!((slots(&second), keys(&second)), (vec![], vec!["k004", "k005"]));
    assert!(second.last);
    // The requester learns from the log.
    assert!(slots(&node.pull(cookie, "", 0).await.unwrap()).is_empty());

    node.provider.close(cookie);
    assert_eq!(node.pull(cookie, "", 6).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_chunk_is_bounded_in_bytes() {
    let mut node = Node::new(0).await;
    let large = "v".repeat(700_000);
    for key in ["a", "b", "c"] {
        node.next([command(0, 0, put(key, &large))]).await;
    }
    let cookie = node.open().await;
    assert_eq!(keys(&node.pull(cookie, "", 0).await.unwrap()), ["a", "b"]);
    node.next([command(0, 0, put("d", &large))]).await;
    node.next([command(0, 0, put("e", &large))]).await;
    let chunk = node.pull(cookie, "", 3).await.unwrap();
    assert_eq!((slots(&chunk), keys(&chunk)), (vec![4], vec!["a"]), "commits are, too");
}

#[tokio::test]
async fn who_needs_what_was_trimmed_is_told_to_begin_again() {
    let mut node = Node::new(6).await;
    let cookie = node.open().await;
    node.next([]).await;
    node.next([command(0, 0, Operation::Trim(7))]).await;
    // The log is trimmed some time after the command for it.
    while !node.parts.log.entries(1, 7, 1).unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    node.pull(cookie, "", 7).await.unwrap();
    let late = node.pull(cookie, "", 6).await.unwrap_err();
    assert_eq!(late.message(), "the log was trimmed past what this copy still needs");
    node.pull(cookie, "", 0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_cookie_that_nobody_uses_expires_with_its_snapshot() {
    let node = Node::new(6).await;
    let cookie = node.open().await;
    for _ in 0..3 {
        tokio::time::sleep(EXPIRY - Duration::from_secs(5)).await;
        node.pull(cookie, "", 6).await.unwrap();
    }
    assert_eq!(node.provider.held(), 1);
    tokio::time::sleep(EXPIRY + Duration::from_secs(1)).await;
    node.provider.forget();
    assert_eq!(node.provider.held(), 0);
    assert_eq!(node.pull(cookie, "", 6).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn copies_are_few_and_none_are_given_by_who_makes_one() {
    let node = Node::new(1).await;
    let mut cookies = Vec::new();
    for _ in 0..4 {
        cookies.push(node.open().await);
    }
    let refused = node.provider.open().await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    node.provider.close(cookies[0]);
    let fifth = node.open().await;
    assert!(!cookies.contains(&fifth));

    let closed = node.provider.closed();
    assert_eq!(node.provider.held(), 0);
    let refused = node.provider.open().await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(node.pull(fifth, "", 1).await.unwrap_err().code(), Code::NotFound);
    drop(closed);
    let cookie = node.open().await;

    // The process starts again.
    let provider = Provider::new(8, node.parts.learner.clone(), node.parts.log.clone());
    let again = provider.open().await.unwrap().cookie.unwrap();
    let of_before = Cookie { number: again.number, ..cookie };
    let request = PullRequest { cookie: Some(of_before), ..PullRequest::default() };
    assert_eq!(provider.pull(request).await.unwrap_err().code(), Code::NotFound);
    provider.close(of_before);
    assert_eq!(provider.held(), 1);
}

#[tokio::test(start_paused = true)]
async fn snapshots_to_compare_are_few_and_expire() {
    let mut node = Node::new(3).await;
    let kept = async |id| {
        let request = ScanRequest { scrub: id, after_key: String::new(), each: true };
        node.parts.scrubs.scan(request).await.map(|part| (part.slot, part.keys, part.each.len()))
    };
    assert_eq!(kept(7).await.unwrap_err().code(), Code::NotFound);
    for id in 1..=3 {
        node.parts.scrubs.keep(id, node.parts.learner.snapshot().await.unwrap());
    }
    kept(1).await.unwrap_err();
    assert_eq!((kept(2).await.unwrap(), kept(3).await.unwrap()), ((3, 3, 3), (3, 3, 3)));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(40)).await;
        node.parts.scrubs.forget();
        kept(3).await.unwrap();
    }
    kept(2).await.unwrap_err();

    node.next([command(0, 0, Operation::Scrub(9)), command(0, 0, put("k", "v"))]).await;
    let request = ScanRequest { scrub: 9, ..ScanRequest::default() };
    let part = node.parts.scrubs.scan(request).await.unwrap();
    assert_eq!((part.slot, part.keys, part.each.len(), part.end), (4, 4, 0, true));
}
