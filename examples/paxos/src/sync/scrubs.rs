//! Snapshots that all nodes have kept as of the same slot, to be compared while the log goes on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorum_runtime::{Status, host};
use tokio::time::Instant;

use super::internal;
use crate::compare::scan;
use crate::map::Snapshot;
use crate::paxos::{ScanReply, ScanRequest};

/// For how long one is kept after it was read, and how many are.
const EXPIRY: Duration = Duration::from_secs(60);
const MAX_KEPT: usize = 2;

/// Clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scrubs(Arc<Mutex<VecDeque<Kept>>>);

#[derive(Debug)]
struct Kept {
    id: u64,
    snapshot: Arc<Snapshot>,
    expires: Instant,
}

impl Scrubs {
    /// Keeps a snapshot under the number of its scrub, unless the command was executed before: it may be
    /// repeated. The oldest makes room.
    pub(crate) fn keep(&self, id: u64, snapshot: Snapshot) {
        let mut kept = self.kept();
        if kept.iter().any(|other| other.id == id) {
            return;
        }
        while kept.len() >= MAX_KEPT {
            kept.pop_front();
        }
        let expires = Instant::now() + EXPIRY;
        kept.push_back(Kept { id, snapshot: Arc::new(snapshot), expires });
    }

    /// A part of one of them.
    pub(super) async fn scan(&self, request: ScanRequest) -> Result<ScanReply, Status> {
        let snapshot = {
            let mut kept = self.kept();
            let kept = kept.iter_mut().find(|kept| kept.id == request.scrub);
            let kept = kept.ok_or_else(|| {
                Status::not_found("this node has not kept that snapshot, or not any longer")
            })?;
            kept.expires = Instant::now() + EXPIRY;
            Arc::clone(&kept.snapshot)
        };
        let ScanRequest { after_key, each, .. } = request;
        host::blocking(move || scan(&snapshot, &after_key, each)).await.map_err(internal)
    }

    /// Drops those that nobody reads any longer.
    pub(super) fn forget(&self) {
        self.kept().retain(|kept| kept.expires > Instant::now());
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
