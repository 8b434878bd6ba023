//! Store synchronisation: how a node whose log would begin with a slot that others have trimmed copies the
//! store of one of them, as Ceph's monitors do (4.4 of the specification), into a second store that takes
//! the place of the first at once (4.8).
//!
//! ```text
//!  requester ── probe ══▶ all            who is far enough, and leads not?
//!            ── open ───▶ provider       a cookie, for a snapshot as of slot s
//!            ── pull ───▶ provider       what was chosen after s, then keys; again and again
//!            (what was chosen is executed on top of the keys, and the copy becomes the map)
//! ```
//!
//! The node goes on accepting meanwhile, and its promises are in another file, which is not touched: the
//! amnesia of 4.5 cannot happen.
//!
//! A provider that has trimmed what the copy still needs says so, and the copy begins again. That goes on
//! for ever where trimming outruns copying; then the second mode helps (4.3): the leader trims nothing
//! while it lasts, and what was chosen meanwhile is learned from the log.

mod hold;
pub(crate) mod offline;
mod provider;
mod requester;
mod scrubs;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use example_support::identity::Identity;
use quorum_runtime::{Call, Manager, Status};
use tokio::sync::watch;

pub(crate) use self::hold::Holds;
use self::provider::Provider;
use self::requester::Requester;
pub(crate) use self::scrubs::Scrubs;
use crate::consensus::{Acceptor, Learner, Log, Role};
use crate::error::StoreError;
use crate::mutant::Mutation;
use crate::paxos::{
    self, CloseCopyReply, CloseCopyRequest, HoldReply, HoldRequest, OpenCopyReply, OpenCopyRequest,
    ProbeReply, ProbeRequest, PullReply, PullRequest, ScanReply, ScanRequest, SyncProgress,
    SynchroniseRequest,
};

/// How often it is looked whether something is to be forgotten.
const FORGET: Duration = Duration::from_secs(10);

/// What a copy needs of its node. Clones are handles of the same.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) manager: Manager,
    pub(crate) learner: Learner,
    pub(crate) log: Log,
    pub(crate) role: watch::Receiver<Role>,
}

/// What is particular to a node and its process.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub(crate) folder: PathBuf,
    pub(crate) identity: Identity,
    /// A number that no process of this node has had before.
    pub(crate) incarnation: u64,
    /// How many keys a chunk has at most that it asks for.
    pub(crate) chunk_keys: u32,
    pub(crate) mutation: Mutation,
}

/// Copies the store of another node when it is asked to, and answers to others that copy or compare the
/// store of this one. Clones are handles of the same.
#[derive(Clone, Debug)]
pub(crate) struct Synchronisation {
    local: Local,
    own: Own,
    provider: Provider,
    holds: Holds,
    scrubs: Scrubs,
    asked: watch::Sender<Option<SynchroniseRequest>>,
    progress: watch::Sender<SyncProgress>,
}

impl Synchronisation {
    pub(crate) fn new(local: Local, own: Own, holds: Holds, scrubs: Scrubs) -> Self {
        let provider = Provider::new(own.incarnation, local.learner.clone(), local.log.clone());
        let (asked, progress) = (watch::Sender::default(), watch::Sender::default());
        Self { local, own, provider, holds, scrubs, asked, progress }
    }

    /// Asks for a copy, which [`run`](Self::run) makes; that which is being made will do.
    pub(crate) fn ask(&self, request: SynchroniseRequest) {
        if !self.progress.borrow().running {
            self.asked.send_replace(Some(request));
        }
    }

    /// Asks for a copy whenever the logs of others begin behind what this node has executed, for as long as
    /// it is awaited.
    pub(crate) async fn ask_when_behind(&self, acceptor: &Acceptor) {
        let mut behind = acceptor.behind();
        while behind.changed().await.is_ok() {
            let first = *behind.borrow_and_update();
            if first > self.local.learner.applied() + 1 {
                self.ask(SynchroniseRequest::default());
            }
        }
    }

    /// How the copy goes that is being made, or how the last one went.
    pub(crate) fn progress(&self) -> SyncProgress {
        self.progress.borrow().clone()
    }

    /// Makes the copies that are asked for, and forgets what nobody asks for any longer, for as long as it
    /// is awaited.
    pub(crate) async fn run(&self) {
        tokio::join!(self.copy(), self.forget());
    }

    async fn copy(&self) {
        let requester = Requester {
            local: self.local.clone(),
            provider: self.provider.clone(),
            own: self.own.clone(),
            progress: self.progress.clone(),
        };
        let mut asked = self.asked.subscribe();
        while asked.wait_for(Option::is_some).await.is_ok() {
            let request = asked.borrow_and_update().unwrap_or_default();
            requester.copy(&request).await;
            self.asked.send_replace(None);
        }
    }

    async fn forget(&self) {
        loop {
            tokio::time::sleep(FORGET).await;
            self.provider.forget();
            self.scrubs.forget();
        }
    }
}

impl paxos::Synchronisation for Synchronisation {
    async fn probe(&self, _: Call, _: ProbeRequest) -> Result<ProbeReply, Status> {
        Ok(ProbeReply {
            applied: self.local.learner.applied(),
            first: self.local.log.first(),
            leads: self.local.role.borrow().leads,
            copying: self.provider.is_closed(),
        })
    }

    async fn open_copy(&self, _: Call, _: OpenCopyRequest) -> Result<OpenCopyReply, Status> {
        self.provider.open().await
    }

    async fn pull(&self, _: Call, request: PullRequest) -> Result<PullReply, Status> {
        self.provider.pull(request).await
    }

    async fn close_copy(
        &self,
        _: Call,
        request: CloseCopyRequest,
    ) -> Result<CloseCopyReply, Status> {
        self.provider.close(request.cookie.unwrap_or_default());
        Ok(CloseCopyReply {})
    }

    async fn hold(&self, _: Call, request: HoldRequest) -> Result<HoldReply, Status> {
        if !self.local.role.borrow().leads {
            return Err(Status::failed_precondition("this node does not lead, nor trim"));
        }
        if self.local.manager.node(request.node).is_err() {
            return Err(Status::invalid_argument("who asks is no node of this cluster"));
        }
        self.holds.hold(request.node);
        Ok(HoldReply {})
    }

    async fn scan(&self, _: Call, request: ScanRequest) -> Result<ScanReply, Status> {
        self.scrubs.scan(request).await
    }
}

/// What a peer is told of an error of the disk.
fn internal(error: StoreError) -> Status {
    Status::internal(error.to_string())
}
