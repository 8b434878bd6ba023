//! The acceptor: what a node promises and accepts (phases 1b and 2b), and the lease that it grants.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorum_runtime::{Call, Status};
use tokio::sync::watch;
use tokio::time::timeout;

use super::lease::Granted;
use super::log::{Log, Write};
use super::{Ballot, Clock, Learner};
use crate::mutant::{Mutant, Mutation};
use crate::paxos::{
    self, AcceptReply, AcceptRequest, Entry, LearnReply, LearnRequest, PrepareReply, PrepareRequest,
};

/// How many bytes of accepted batches go into one answer to a candidate, which asks again for the rest.
const PAGE: usize = 1 << 20;

/// Clones are handles of the same acceptor.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor {
    state: Arc<Mutex<State>>,
    /// The highest ballot that it has heard of, for the leader and the candidate of this node.
    seen: Arc<watch::Sender<Ballot>>,
    /// The first slot of the leader's log, when this node needs earlier ones.
    behind: Arc<watch::Sender<u64>>,
    log: Log,
    learner: Learner,
    clock: Clock,
    lease: Duration,
    mutation: Mutation,
}

/// What it has promised and granted. It is changed before the disk is asked to store it, so that requests
/// which come meanwhile are judged by it; the answers wait for the disk.
#[derive(Debug)]
struct State {
    promised: Ballot,
    granted: Granted,
    /// What it may have granted before it was started: that binds it whatever it grants now.
    before: Granted,
}

impl paxos::Acceptor for Acceptor {
    /// Phase 1b. A promise to a candidate, unless a leader holds a lease.
    async fn prepare(&self, call: Call, request: PrepareRequest) -> Result<PrepareReply, Status> {
        let ballot = Ballot(request.ballot);
        if let Some(refused) = self.promise(ballot) {
            return Ok(refused);
        }
        let stored = self.log.write(Write { promised: ballot, ..Write::default() }).await?;
        call.release();
        stored.await?;
        let (mut accepted, until) = self.log.page(request.from, PAGE).await?;
        // Read last: what was trimmed meanwhile is told to be.
        let first = self.log.first();
        if self.mutation.is(Mutant::PromiseAsAcceptance) {
            accepted.iter_mut().for_each(|entry| entry.ballot = request.ballot);
        }
        Ok(PrepareReply { promised: request.ballot, leased: false, first, accepted, until })
    }

    /// Phase 2b. To accept is to promise: not to accept under lower ballots from then on.
    async fn accept(&self, call: Call, request: AcceptRequest) -> Result<AcceptReply, Status> {
        let AcceptRequest { ballot, slot, batch, chosen } = request;
        if let Some(promised) = self.refuse_below(Ballot(ballot)) {
            return Ok(AcceptReply { promised: promised.0 });
        }
        let entry = Entry { slot, ballot, batch };
        let write = Write { promised: Ballot(ballot), accepted: vec![entry], ..Write::default() };
        let stored = self.log.write(write).await?;
        self.learner.chosen(Ballot(ballot), chosen);
        call.release();
        stored.await?;
        Ok(AcceptReply { promised: ballot })
    }

    /// Phase 3, and a lease for the leader.
    async fn learn(&self, call: Call, request: LearnRequest) -> Result<LearnReply, Status> {
        let LearnRequest { ballot, chosen, first, entries } = request;
        if let Some(promised) = self.grant(Ballot(ballot)) {
            return Ok(LearnReply { promised: promised.0, applied: self.learner.applied() });
        }
        if first > self.learner.applied() + 1 {
            self.lacks(first);
        }
        if entries.is_empty() {
            self.learner.chosen(Ballot(ballot), chosen);
        } else {
            // They are chosen, so no ballot can bring others: what was promised does not matter.
            let last = entries.last().map_or(0, |entry| entry.slot);
            let stored = self.log.write(Write { accepted: entries, ..Write::default() }).await?;
            self.learner.chosen(Ballot(ballot), chosen);
            call.release();
            stored.await?;
            // Where a gap is left this waits in vain, and the answer tells so.
            let _gap = timeout(self.lease / 4, self.learner.reached(last)).await;
        }
        Ok(LearnReply { promised: ballot, applied: self.learner.applied() })
    }
}

impl Acceptor {
    /// An acceptor that has made this promise before, unless it is none.
    pub(crate) fn new(
        (log, promised): (Log, Ballot),
        learner: Learner,
        clock: Clock,
        lease: Duration,
        mutation: Mutation,
    ) -> Self {
        let is_free = promised == Ballot(0) || mutation.is(Mutant::ForgetLease);
        let until = if is_free { Duration::ZERO } else { clock.now() + lease };
        let [granted, before] = [Duration::ZERO, until].map(|until| Granted::to(Ballot(0), until));
        let state = State { promised, granted, before };
        Self {
            state: Arc::new(Mutex::new(state)),
            seen: Arc::new(watch::Sender::new(promised)),
            behind: Arc::default(),
            log,
            learner,
            clock,
            lease,
            mutation,
        }
    }

    /// The highest ballot that it has heard of.
    pub(crate) fn seen(&self) -> watch::Receiver<Ballot> {
        self.seen.subscribe()
    }

    /// The first slot of a leader's log, as often as that is one which this node would need.
    pub(crate) fn behind(&self) -> watch::Receiver<u64> {
        self.behind.subscribe()
    }

    pub(crate) fn promised(&self) -> Ballot {
        self.state().promised
    }

    /// To whom the last lease was granted, and until when.
    pub(crate) fn granted(&self) -> (Ballot, Duration) {
        let State { granted, before, .. } = &*self.state();
        (granted.ballot(), granted.until().max(before.until()))
    }

    /// Takes a ballot for the candidate of this node, which nobody has used before: it is stored before it
    /// is told to anyone, so that this node cannot take it again. Gives the ballot for which it must not.
    pub(crate) async fn take(&self, ballot: Ballot) -> Result<Option<Ballot>, Status> {
        if let Some(refused) = self.promise(ballot) {
            return Ok(Some(Ballot(refused.promised)));
        }
        if !self.mutation.is(Mutant::ReuseBallot) {
            self.log.write(Write { promised: ballot, ..Write::default() }).await?.await?;
        }
        Ok(None)
    }

    /// The logs of others begin here, and this node needs earlier slots.
    pub(crate) fn lacks(&self, first: u64) {
        self.behind.send_replace(first);
    }

    /// Promises a ballot, or refuses it.
    fn promise(&self, ballot: Ballot) -> Option<PrepareReply> {
        let mut state = self.state();
        let now = self.clock.now();
        let leased = state.granted.forbids(ballot, now) || state.before.forbids(ballot, now);
        if ballot < state.promised || leased {
            return Some(PrepareReply { promised: state.promised.0, leased, ..Default::default() });
        }
        state.promised = ballot;
        self.saw(ballot);
        None
    }

    /// Promises a ballot under which something is to be accepted, or gives the higher promise.
    fn refuse_below(&self, ballot: Ballot) -> Option<Ballot> {
        let mut state = self.state();
        if ballot < state.promised && !self.mutation.is(Mutant::AcceptBelowPromise) {
            return Some(state.promised);
        }
        state.promised = state.promised.max(ballot);
        self.saw(ballot);
        None
    }

    /// Grants a lease, or gives the higher promise. A leader of a lower ballot must not get it back, so the
    /// promise is raised too. It need not be stored: after a restart what was granted before binds anyway.
    fn grant(&self, ballot: Ballot) -> Option<Ballot> {
        let mut state = self.state();
        if ballot < state.promised {
            return Some(state.promised);
        }
        state.promised = ballot;
        state.granted = Granted::to(ballot, self.clock.now() + self.lease);
        self.saw(ballot);
        None
    }

    /// There is this ballot.
    pub(crate) fn saw(&self, ballot: Ballot) {
        self.seen.send_if_modified(|seen| {
            let is_higher = *seen < ballot;
            *seen = ballot.max(*seen);
            is_higher
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
