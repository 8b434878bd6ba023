//! Whether two nodes have the same store, and if not, which keys differ (work item of 4.7).
//!
//! Both are walked in parts of equally many keys, of which digests are compared. Only where these differ
//! the keys themselves are asked for. So little is sent, and memory is bounded whatever the stores are.

mod found;
mod scan;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use quorum_runtime::{Code, Manager, Node, NodeError, NodeId};
use tokio::time::{Instant, sleep};

pub(crate) use self::found::Comparison;
pub(crate) use self::scan::scan;
use crate::map::Snapshot;
use crate::paxos::{ScanReply, ScanRequest, SynchronisationNode as _};

/// How long one waits until both nodes have executed the scrub.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads one of the two stores, part by part.
trait Scanner {
    /// The part behind a key, as one digest, or with a digest of each key.
    fn scan(
        &mut self,
        after: &str,
        each: bool,
    ) -> impl Future<Output = anyhow::Result<ScanReply>> + Send;
}

/// Compares two running nodes, as of the slot of a `scrub` that was executed with this number. At most
/// `told` of the keys that differ are named. `progress` is told how many keys were compared.
///
/// # Errors
///
/// If one of them does not answer, or has not kept that snapshot.
pub(crate) async fn online(
    manager: &Manager,
    scrub: u64,
    nodes: [NodeId; 2],
    told: usize,
    progress: impl FnMut(u64),
) -> anyhow::Result<Comparison> {
    let began = Instant::now();
    let scanner = |node| Ok::<_, anyhow::Error>(Remote { node: manager.node(node)?, scrub, began });
    compare(scanner(nodes[0])?, scanner(nodes[1])?, told, progress).await
}

/// Compares the stores of two nodes that are stopped, without a change to them.
///
/// # Errors
///
/// If one of them runs, if there is no store, or if the disk fails.
pub(crate) fn offline(
    folders: [&Path; 2],
    told: usize,
    progress: impl FnMut(u64),
) -> anyhow::Result<Comparison> {
    let snapshot = |folder: &Path| -> anyhow::Result<Snapshot> {
        let _lock = example_support::folder::lock(folder)?;
        let opened = Snapshot::of_stopped(folder);
        Ok(opened.with_context(|| format!("cannot read {}", folder.display()))?.1)
    };
    let [a, b] = folders;
    // They wait for nothing but the disk.
    futures::executor::block_on(compare(snapshot(a)?, snapshot(b)?, told, progress))
}

/// Walks both, part by part.
async fn compare(
    mut a: impl Scanner,
    mut b: impl Scanner,
    told: usize,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<Comparison> {
    let mut after = String::new();
    let mut found = None;
    loop {
        let (one, other) = (a.scan(&after, false).await?, b.scan(&after, false).await?);
        let found = found.get_or_insert_with(|| Comparison::new(told, &one, &other));
        let parts = [&one, &other].map(|part| (&part.last_key, part.keys, &part.digest, part.end));
        let until = if parts[0] == parts[1] {
            found.same(one.keys);
            (!one.end).then_some(one.last_key)
        } else {
            let (one, other) = (a.scan(&after, true).await?, b.scan(&after, true).await?);
            found.differ(&after, one, other)
        };
        progress(found.keys);
        match until {
            Some(key) => after = key,
            None => break,
        }
    }
    found.context("nothing was compared")
}

impl Scanner for Snapshot {
    async fn scan(&mut self, after: &str, each: bool) -> anyhow::Result<ScanReply> {
        Ok(scan(self, after, each)?)
    }
}

/// A node that runs, and has kept a snapshot.
struct Remote {
    node: Node,
    scrub: u64,
    began: Instant,
}

impl Scanner for Remote {
    async fn scan(&mut self, after: &str, each: bool) -> anyhow::Result<ScanReply> {
        loop {
            let request = ScanRequest { scrub: self.scrub, after_key: after.to_owned(), each };
            match self.node.scan(request).await {
                // Not executed yet.
                Err(error)
                    if self.began.elapsed() < PATIENCE
                        && after.is_empty()
                        && matches!(&error.failure().error, NodeError::Status(s) if s.code() == Code::NotFound) =>
                    {}
                answered => return Ok(answered?),
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

#[cfg(test)]
mod tests;
