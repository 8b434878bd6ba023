//! The requester of a copy (4.4). Whatever goes wrong, it begins again, with nothing of the last attempt:
//! a copy that goes on with the snapshot of another provider would lack what was chosen between the two.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use quorum_runtime::{
    Code, ConfigurationError, Majority, Node, NodeError, NodeId, Reply, RpcError, host,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::hold::{LEASE, RENEWAL};
use super::provider::Provider;
use super::{Local, Own};
use crate::error::StoreError;
use crate::map::Copy;
use crate::mutant::Mutant;
use crate::paxos::{
    CloseCopyRequest, HoldRequest, OpenCopyReply, OpenCopyRequest, ProbeReply, ProbeRequest,
    PullReply, PullRequest, SyncMode, SyncProgress, SynchronisationConfiguration as _,
    SynchronisationManager as _, SynchronisationNode as _, SynchroniseRequest,
};
use crate::timeout::within;

/// How often a copy begins again before it is given up.
const RESTARTS: u32 = 10;

/// How long one waits before that, and before a request is repeated.
const PAUSE: Duration = Duration::from_millis(200);

/// How long one waits for an answer: to a probe; to anything else.
const PROBE: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(5);

/// How often the same chunk is asked for.
const PULLS: u32 = 3;

/// Makes copies for one node.
#[derive(Debug)]
pub(super) struct Requester {
    pub(super) local: Local,
    pub(super) provider: Provider,
    pub(super) own: Own,
    pub(super) progress: watch::Sender<SyncProgress>,
}

/// Why an attempt has come to nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no node that can be reached leads, so nobody can be asked to hold back trimming")]
    NoLeader,
    #[error("no other node that can be reached, copies nothing itself and is as far as slot {0}")]
    NoProvider(u64),
    #[error(transparent)]
    Refused(#[from] RpcError),
    #[error("node {0} sends what does not follow the last chunk")]
    Astray(NodeId),
    #[error("the copy is older than the map of this node, and the log in between is trimmed")]
    Older,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
}

impl Requester {
    /// Copies the store of another node, and tells by its progress how it goes.
    pub(super) async fn copy(&self, request: &SynchroniseRequest) {
        let _closed = self.provider.closed();
        self.tell(|progress| {
            let completed = progress.completed;
            *progress = SyncProgress { running: true, completed, ..SyncProgress::default() };
        });
        let mut shunned = BTreeSet::new();
        for restart in 1..=RESTARTS + 1 {
            match self.attempt(request, &mut shunned).await {
                Ok(()) => {
                    self.tell(|progress| progress.completed += 1);
                    break;
                }
                Err(failure) => self.tell(|progress| {
                    progress.failure = failure.to_string();
                    progress.restarts = restart.min(RESTARTS);
                }),
            }
            sleep(PAUSE).await;
        }
        self.tell(|progress| progress.running = false);
    }

    async fn attempt(
        &self,
        request: &SynchroniseRequest,
        shunned: &mut BTreeSet<NodeId>,
    ) -> Result<(), Failure> {
        let holds = request.mode() == SyncMode::HoldTrim;
        if holds {
            self.hold().await?;
        }
        let provider = self.choose(request.provider, shunned).await?;
        shunned.insert(provider.id());
        self.tell(|progress| progress.provider = provider.id().get());
        if !holds {
            return self.copy_from(&provider, false).await;
        }
        tokio::select! { biased;
            copied = self.copy_from(&provider, true) => copied,
            failure = self.keep_hold() => Err(failure),
        }
    }

    /// A node that is no less far than this one (the floor), preferably one that has not failed before,
    /// and not the leader, who has enough to do.
    async fn choose(&self, wanted: u32, shunned: &BTreeSet<NodeId>) -> Result<Node, Failure> {
        let (own, floor) = (NodeId::from(self.own.identity.node), self.local.learner.applied());
        let mut able = self.probe().await?;
        able.retain(|(node, reply)| {
            let is_wanted = *node != own && (wanted == 0 || *node == NodeId::from(wanted));
            is_wanted && !reply.copying && (reply.applied >= floor || self.is_careless())
        });
        able.sort_by_key(|(node, reply)| {
            let far = if self.is_careless() { 0 } else { reply.applied };
            (shunned.contains(node), reply.leads, Reverse(far), *node)
        });
        let (node, _) = able.first().ok_or(Failure::NoProvider(floor))?;
        Ok(self.local.manager.node(*node)?)
    }

    fn is_careless(&self) -> bool {
        self.own.mutation.is(Mutant::NoFloor)
    }

    /// One copy, of one snapshot.
    async fn copy_from(&self, node: &Node, holds: bool) -> Result<(), Failure> {
        let opened = node.open_copy(within(ANSWER, OpenCopyRequest {})).await?;
        let cookie = opened.cookie.unwrap_or_default();
        let copied = self.pull_all(node, opened, holds).await;
        // The provider forgets it by itself, only later.
        drop(node.close_copy(CloseCopyRequest { cookie: Some(cookie) }));
        let copied = host::blocking({
            let copy = copied?;
            move || copy.finish()
        });
        if self.local.learner.adopt(copied.await?).await? { Ok(()) } else { Err(Failure::Older) }
    }

    /// Steps 3 and 4: chunk by chunk, each asked for when the one before is written.
    async fn pull_all(
        &self,
        node: &Node,
        opened: OpenCopyReply,
        holds: bool,
    ) -> Result<Copy, Failure> {
        let OpenCopyReply { cookie, slot, keys, sessions } = opened;
        let Own { folder, identity, mutation, .. } = self.own.clone();
        let resumes = mutation.is(Mutant::ResumeElsewhere) && self.progress.borrow().restarts > 0;
        let begun = host::blocking(move || {
            if resumes {
                return Copy::resume(&folder, &identity, slot, mutation);
            }
            let copy = Copy::begin(&folder, &identity, slot, &sessions, mutation)?;
            Ok((copy, String::new()))
        });
        let (mut copy, after_key) = begun.await?;
        let after_slot = if holds { 0 } else { slot };
        let mut request = PullRequest { cookie, after_key, after_slot, keys: self.own.chunk_keys };
        self.tell(|progress| (progress.keys, progress.total_keys) = (0, keys));
        loop {
            let began = Instant::now();
            let chunk = pull(node, &request).await?;
            let last = chunk.last;
            if !advance(&mut request, &chunk) {
                return Err(Failure::Astray(node.id()));
            }
            self.tell(|progress| {
                progress.keys += chunk.pairs.len() as u64;
                progress.bytes += prost::Message::encoded_len(&chunk) as u64;
            });
            let added = host::blocking(move || {
                copy.add(&chunk.commits, &chunk.pairs)?;
                Ok::<_, StoreError>(copy)
            });
            copy = added.await?;
            if last || self.own.mutation.is(Mutant::SwapEarly) {
                return Ok(copy);
            }
            // Half of the time is left to others: commits come before copies.
            sleep(began.elapsed()).await;
        }
    }

    /// Renews the lease of the leader for as long as it is awaited, or until that has failed for too long.
    async fn keep_hold(&self) -> Failure {
        let mut renewed = Instant::now();
        loop {
            sleep(RENEWAL).await;
            match self.hold().await {
                Ok(()) => renewed = Instant::now(),
                Err(failure) if renewed.elapsed() >= LEASE => return failure,
                Err(_) => {}
            }
        }
    }

    /// Asks the leader to trim nothing.
    async fn hold(&self) -> Result<(), Failure> {
        let leader = self.probe().await?.into_iter().find(|(_, reply)| reply.leads);
        let (leader, _) = leader.ok_or(Failure::NoLeader)?;
        let request = HoldRequest { node: self.own.identity.node };
        self.local.manager.node(leader)?.hold(within(ANSWER, request)).await?;
        Ok(())
    }

    /// How far the nodes are that answer.
    async fn probe(&self) -> Result<Vec<(NodeId, ProbeReply)>, Failure> {
        let all = self.local.manager.synchronisation(Majority)?;
        let mut replies = all.probe(within(PROBE, ProbeRequest {})).replies();
        let mut answered = Vec::new();
        while let Some(Reply { node, result, .. }) = replies.next().await {
            answered.extend(result.map(|reply| (node, reply)));
        }
        Ok(answered)
    }

    fn tell(&self, change: impl FnOnce(&mut SyncProgress)) {
        self.progress.send_modify(change);
    }
}

/// Asks for a chunk, and again if no answer comes: it is the same chunk.
async fn pull(node: &Node, request: &PullRequest) -> Result<PullReply, RpcError> {
    let mut pulls = 1;
    loop {
        match node.pull(within(ANSWER, request.clone())).await {
            Err(error) if pulls < PULLS && may_come(&error) => pulls += 1,
            answered => return answered,
        }
        sleep(PAUSE).await;
    }
}

/// Whether the provider may still answer: it has not said that it has no such copy.
fn may_come(error: &RpcError) -> bool {
    match &error.failure().error {
        NodeError::Status(status) => status.code() == Code::Unavailable,
        _ => true,
    }
}

/// Moves on behind a chunk, if that follows the last one and brings something.
fn advance(request: &mut PullRequest, chunk: &PullReply) -> bool {
    let ascend = chunk.pairs.iter().all(|pair| {
        let follows = pair.key > request.after_key;
        request.after_key.clone_from(&pair.key);
        follows
    });
    let follow = chunk.commits.iter().all(|entry| {
        request.after_slot += 1;
        entry.slot == request.after_slot
    });
    let is_empty = chunk.pairs.is_empty() && chunk.commits.is_empty();
    ascend && follow && (chunk.last || !is_empty)
}
