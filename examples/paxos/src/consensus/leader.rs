//! The leader: phase 2 for slot after slot, several of them at a time, and phase 3.
//!
//! It proposes again what it has found accepted, then a batch of nothing, and answers no read before it has
//! executed that: then it knows all that was answered before it led. Each batch goes to all nodes by one
//! quorum call, in the order of the slots, and is chosen when enough have it on disk. Every node is told
//! how far the log is chosen along with the next batch, or by the next heartbeat, which brings those that
//! lag what they lack and renews the lease.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesOrdered, FuturesUnordered, SelectAll};
use futures::{FutureExt as _, StreamExt as _};
use prost::Message as _;
use quorum_runtime::{Configuration, NodeId, Reply};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::lease::Lease;
use super::proposals::{Proposals, Proposed};
use super::{Accepted, Acceptor, Ballot, Clock, Learner, Log, Quorums};
use crate::config::Config;
use crate::mutant::Mutant;
use crate::paxos::command::Operation;
use crate::paxos::{
    AcceptRequest, AcceptorConfiguration as _, Batch, Command, Entry, LearnReply, LearnRequest,
};
use crate::sync::Holds;

/// How many bytes of entries a node that lags is sent at a time.
const CATCH_UP: usize = 1 << 20;

/// What a node knows of who leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Role {
    /// Whether it is this node.
    pub(crate) leads: bool,
    /// Until when nobody else can lead, by the clock of this node.
    pub(crate) leased_until: Duration,
    /// Reads are answered when this slot was executed.
    pub(crate) barrier: u64,
}

/// What a leader works with.
pub(crate) struct Leader {
    pub(crate) config: Arc<Config>,
    pub(crate) paxos: Configuration<Quorums>,
    pub(crate) acceptor: Acceptor,
    pub(crate) learner: Learner,
    pub(crate) log: Log,
    pub(crate) clock: Clock,
    pub(crate) role: watch::Sender<Role>,
    pub(crate) holds: Holds,
}

/// Why one leads no more: an acceptor has promised a higher ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deposed {
    pub(crate) higher: Ballot,
    /// Whether the lease holds, so nobody else leads: it may stand again at once, under a higher ballot.
    pub(crate) is_leased: bool,
}

impl Leader {
    /// Leads under a ballot that enough acceptors have promised, until it is deposed.
    pub(crate) async fn lead(
        &self,
        ballot: Ballot,
        accepted: BTreeMap<u64, Entry>,
        proposals: &mut Proposals,
    ) -> Deposed {
        let mut term = Term::new(self, ballot, &accepted);
        drop(accepted);
        self.role.send_replace(Role { leads: true, barrier: term.barrier, ..Role::default() });
        let higher = term.run(proposals).await;
        self.role.send_replace(Role::default());
        self.learner.forget_waiting();
        proposals.refuse_all();
        Deposed { higher, is_leased: self.clock.now() < term.lease.until() }
    }
}

/// One time of leading, under one ballot.
struct Term<'a> {
    leader: &'a Leader,
    ballot: Ballot,
    /// To be proposed before anything else.
    recovered: VecDeque<(u64, Bytes)>,
    /// The slot of the next new batch.
    next: u64,
    barrier: u64,
    /// All slots up to this one are chosen.
    chosen: u64,
    /// The same at the heartbeat before: a node that has not executed that by now lags.
    due: u64,
    /// What each node has executed, and who is being brought what it lacks.
    applied: BTreeMap<NodeId, u64>,
    catching_up: BTreeSet<NodeId>,
    lease: Lease,
    /// Up to where it has proposed to trim.
    trimmed: u64,
}

type Proposing = BoxFuture<'static, (u64, Accepted)>;
type Open = FuturesOrdered<Proposing>;
/// Reads chosen entries for a node that lags.
type Lacking = BoxFuture<'static, (NodeId, Vec<Entry>)>;
/// Replies, with the time at which they were asked for.
type Replies = SelectAll<BoxStream<'static, (Duration, Reply<LearnReply>)>>;

impl<'a> Term<'a> {
    fn new(leader: &'a Leader, ballot: Ballot, accepted: &BTreeMap<u64, Entry>) -> Self {
        let applied = leader.learner.applied();
        let last = accepted.last_key_value().map_or(applied, |(slot, _)| *slot).max(applied);
        let forgets = leader.config.mutation.is(Mutant::ForgetAccepted);
        let again = |slot: u64| match accepted.get(&slot) {
            Some(entry) if !forgets => (slot, entry.batch.clone()),
            _ => (slot, Bytes::new()), // An encoded batch of nothing.
        };
        let barrier = last + 1;
        Self {
            leader,
            ballot,
            recovered: (applied + 1..=barrier).map(again).collect(),
            next: barrier + 1,
            barrier,
            chosen: applied,
            due: applied,
            applied: BTreeMap::new(),
            catching_up: BTreeSet::new(),
            lease: Lease::new(&leader.config.agreement, leader.paxos.spec().acceptors()),
            trimmed: 0,
        }
    }

    /// Runs until an acceptor has promised a higher ballot, which it gives.
    async fn run(&mut self, proposals: &mut Proposals) -> Ballot {
        let window = self.leader.config.window;
        let mut seen = self.leader.acceptor.seen();
        let mut heartbeat = interval(self.leader.config.agreement.lease / 5);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut open, mut lacking, mut replies) =
            (Open::new(), FuturesUnordered::new(), Replies::new());
        loop {
            let higher = *seen.borrow_and_update();
            if higher > self.ballot {
                return higher;
            }
            while open.len() < window
                && let Some((slot, batch)) = self.recovered.pop_front()
            {
                open.push_back(self.propose(slot, batch));
            }
            let has_room = open.len() < window;
            tokio::select! { biased;
                _ = seen.changed() => {}
                _ = heartbeat.tick() => {
                    replies.push(self.learn(self.to_all()));
                    lacking.extend(self.lagging());
                    if has_room && let Some(trim) = self.trim() {
                        open.push_back(self.propose_new(trim));
                    }
                }
                Some((slot, accepted)) = open.next() => match accepted {
                    Accepted::Chosen => self.choose(slot),
                    Accepted::Refused(higher) => return higher,
                },
                Some((asked, reply)) = replies.next() => match self.learned(asked, reply) {
                    Ok(again) => lacking.extend(again),
                    Err(higher) => return higher,
                },
                Some((node, entries)) = lacking.next() => {
                    replies.push(self.learn(self.to_one(node, entries)));
                }
                proposed = proposals.next(), if has_room => {
                    open.push_back(self.propose_new(proposed));
                }
            }
        }
    }

    fn propose_new(&mut self, Proposed { batch, answers }: Proposed) -> Proposing {
        let slot = self.next;
        self.next += 1;
        self.leader.learner.answer(slot, self.ballot, answers);
        self.propose(slot, batch.encode_to_vec().into())
    }

    /// Phase 2a. It is sent before this returns, so the slots are in order at every node. A call that fails
    /// is made again: the batch may have been accepted, so no other can take its place.
    fn propose(&self, slot: u64, batch: Bytes) -> Proposing {
        let request = AcceptRequest { ballot: self.ballot.0, slot, batch, chosen: self.chosen };
        let paxos = self.leader.paxos.clone();
        let wait = self.leader.config.agreement.lease / 10;
        let mut call = paxos.accept(request.clone());
        let proposing = async move {
            loop {
                if let Ok(accepted) = call.await {
                    return (slot, accepted);
                }
                sleep(wait).await;
                call = paxos.accept(request.clone());
            }
        };
        proposing.boxed()
    }

    /// Slots come here in their order.
    fn choose(&mut self, slot: u64) {
        self.chosen = slot;
        self.leader.learner.chosen(self.ballot, slot);
    }

    /// Phase 3: tells each of these nodes how far the log is chosen, and asks for the lease.
    fn learn(
        &self,
        entries: BTreeMap<NodeId, Vec<Entry>>,
    ) -> BoxStream<'static, (Duration, Reply<LearnReply>)> {
        let asked = self.leader.clock.now();
        let first = self.leader.log.first();
        let request =
            LearnRequest { ballot: self.ballot.0, chosen: self.chosen, first, entries: Vec::new() };
        let call = self.leader.paxos.learn(request, |request, node| {
            let entries = entries.get(&node)?.clone();
            Some(LearnRequest { entries, ..request.clone() })
        });
        call.replies().map(move |reply| (asked, reply)).boxed()
    }

    fn to_all(&self) -> BTreeMap<NodeId, Vec<Entry>> {
        self.leader.paxos.members().iter().map(|node| (node, Vec::new())).collect()
    }

    fn to_one(&self, node: NodeId, mut entries: Vec<Entry>) -> BTreeMap<NodeId, Vec<Entry>> {
        // They are chosen, so they may be proposed under this ballot too.
        entries.iter_mut().for_each(|entry| entry.ballot = self.ballot.0);
        BTreeMap::from([(node, entries)])
    }

    /// A node has executed so much, and granted the lease or promised a higher ballot. Gives what it lacks
    /// next, if it was being brought what it lacks.
    fn learned(
        &mut self,
        asked: Duration,
        Reply { node, result, .. }: Reply<LearnReply>,
    ) -> Result<Option<Lacking>, Ballot> {
        let was_catching_up = self.catching_up.remove(&node);
        let Ok(LearnReply { promised, applied }) = result else {
            return Ok(None);
        };
        if promised > self.ballot.0 {
            return Err(Ballot(promised));
        }
        self.lease.granted(node, asked);
        let (leased_until, barrier) = (self.lease.until(), self.barrier);
        self.leader.role.send_replace(Role { leads: true, leased_until, barrier });
        let before = self.applied.insert(node, applied);
        let goes_on = was_catching_up && before < Some(applied) && applied < self.due;
        Ok(goes_on.then(|| self.bring(node, applied)).flatten())
    }

    /// Brings the nodes that lag what they lack.
    fn lagging(&mut self) -> Vec<Lacking> {
        let due = std::mem::replace(&mut self.due, self.chosen);
        let lags = |(node, applied): (&NodeId, &u64)| (*applied < due).then_some((*node, *applied));
        let lagging: Vec<_> = self.applied.iter().filter_map(lags).collect();
        lagging.into_iter().filter_map(|(node, applied)| self.bring(node, applied)).collect()
    }

    /// Reads what a node lacks, unless that is under way, or is no longer in the log: then it hears from
    /// where on the log is, and copies a store.
    fn bring(&mut self, node: NodeId, applied: u64) -> Option<Lacking> {
        let (log, until) = (self.leader.log.clone(), self.leader.learner.applied());
        if applied + 1 < log.first() || until <= applied || !self.catching_up.insert(node) {
            return None;
        }
        let read = async move { log.read(applied + 1, until, CATCH_UP).await.unwrap_or_default() };
        Some(read.map(move |entries| (node, entries)).boxed())
    }

    /// Trims the log when it has grown, unless somebody copies a store and has asked to wait.
    fn trim(&mut self) -> Option<Proposed> {
        let Config { keep, trim_every, .. } = *self.leader.config;
        let to = self.leader.learner.applied().saturating_sub(keep);
        let first = self.leader.log.first().max(self.trimmed + 1);
        if trim_every == 0 || to < first + trim_every || self.leader.holds.is_held() {
            return None;
        }
        self.trimmed = to;
        let operation = Some(Operation::Trim(to));
        let command = Command { operation, ..Command::default() };
        Some(Proposed { batch: Batch { commands: vec![command] }, answers: Vec::new() })
    }
}
