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
/// which come meanwhile are refused early, and no two leaders have a lease. Of two requests that come at the
/// same time, the one that the log stores first is the first: the answers wait for it.
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
        let promised = stored.await?.0;
        if promised > request.ballot {
            return Ok(PrepareReply { promised, ..PrepareReply::default() });
        }
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
        if let Some(promised) = self.raise(Ballot(ballot), None) {
            return Ok(AcceptReply { promised: promised.0 });
        }
        let entry = Entry { slot, ballot, batch };
        let write = Write { promised: Ballot(ballot), accepted: vec![entry], ..Write::default() };
        let stored = self.log.write(write).await?;
        self.learner.chosen(Ballot(ballot), chosen);
        call.release();
        Ok(AcceptReply { promised: stored.await?.0 })
    }

    /// Phase 3, and a lease for the leader.
    async fn learn(&self, call: Call, request: LearnRequest) -> Result<LearnReply, Status> {
        let LearnRequest { ballot, chosen, first, entries } = request;
        if let Some(promised) = self.raise(Ballot(ballot), Some(self.lease)) {
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
        if self.mutation.is(Mutant::ReuseBallot) {
            return Ok(None);
        }
        let stored = self.log.write(Write { promised: ballot, ..Write::default() }).await?;
        Ok(Some(stored.await?).filter(|promised| *promised > ballot))
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

    /// Promises a ballot under which something is to be accepted or a lease is granted, or gives the higher
    /// promise. For a lease it need not be stored: the promise keeps a leader of a lower ballot from getting
    /// the lease back, and after a restart what was granted before binds anyway.
    fn raise(&self, ballot: Ballot, lease: Option<Duration>) -> Option<Ballot> {
        let mut state = self.state();
        let accepts = lease.is_none() && self.mutation.is(Mutant::AcceptBelowPromise);
        if ballot < state.promised && !accepts {
            return Some(state.promised);
        }
        state.promised = state.promised.max(ballot);
        if let Some(lease) = lease {
            state.granted = Granted::to(ballot, self.clock.now() + lease);
        }
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
