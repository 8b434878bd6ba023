//! What a node answers to clients: commands go to the leader's queue, reads are answered under its lease.

use std::sync::Arc;

use quorum_runtime::{Call, Status, host};
use tokio::sync::watch;

use crate::config::Config;
use crate::consensus::{Acceptor, Clock, Learner, Log, Proposer, Role};
use crate::map::limits;
use crate::mutant::Mutant;
use crate::paxos::{
    self, Command, ExecuteReply, Found, GetReply, GetRequest, StatusReply, StatusRequest,
    SynchroniseReply, SynchroniseRequest, execute_reply, get_reply,
};
use crate::sync::Synchronisation;

/// The side of a node that clients see.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    pub(crate) config: Arc<Config>,
    pub(crate) acceptor: Acceptor,
    pub(crate) learner: Learner,
    pub(crate) log: Log,
    pub(crate) clock: Clock,
    pub(crate) role: watch::Receiver<Role>,
    pub(crate) proposer: Proposer,
    pub(crate) copies: Synchronisation,
}

impl paxos::Replica for Replica {
    async fn execute(&self, _call: Call, command: Command) -> Result<ExecuteReply, Status> {
        let refused = |error: limits::Refused| Status::invalid_argument(error.to_string());
        limits::check(&command).map_err(refused)?;
        let elsewhere = || execute_reply::Answer::Leader(self.leader());
        let answer = if self.role.borrow().leads {
            let outcome = self.proposer.propose(command).ok_or_else(|| {
                Status::resource_exhausted("too many commands wait at the leader: ask again later")
            })?;
            // Not another leader's name, which says that nothing was proposed here.
            let unsure =
                |_| Status::unavailable("this node leads no more; the command may be executed yet");
            execute_reply::Answer::Outcome(outcome.await.map_err(unsure)?)
        } else {
            elsewhere()
        };
        Ok(ExecuteReply { answer: Some(answer) })
    }

    async fn get(&self, _call: Call, request: GetRequest) -> Result<GetReply, Status> {
        let GetRequest { key, local } = request;
        let term = if local { None } else { self.term().await };
        if !local && term.is_none() {
            return Ok(GetReply { answer: Some(get_reply::Answer::Leader(self.leader())) });
        }
        let reader = self.learner.reader();
        let read = host::blocking(move || reader.get(&key)).await;
        let value = read.map_err(|error| Status::internal(error.to_string()))?;
        // Asked after the read: nobody else has changed the key before this moment, or since the term began.
        let is_newest = || self.is_leased() && term == Some(self.role.borrow().barrier);
        if !(local || is_newest()) {
            return Ok(GetReply { answer: Some(get_reply::Answer::Leader(self.leader())) });
        }
        Ok(GetReply { answer: Some(get_reply::Answer::Found(Found { value })) })
    }

    async fn status(&self, _call: Call, _request: StatusRequest) -> Result<StatusReply, Status> {
        Ok(StatusReply {
            node: self.config.id,
            leader: self.leader(),
            promised: self.acceptor.promised().0,
            chosen: self.learner.known().max(self.learner.applied()),
            applied: self.learner.applied(),
            first: self.log.first(),
            leased: self.is_leased(),
            keys: self.learner.reader().keys(),
            syncs: *self.log.commits().borrow(),
            bytes_logged: self.log.bytes(),
            peak_memory_bytes: 0,
            sync: Some(self.copies.progress()),
        })
    }

    async fn synchronise(
        &self,
        _call: Call,
        request: SynchroniseRequest,
    ) -> Result<SynchroniseReply, Status> {
        self.copies.ask(request);
        Ok(SynchroniseReply {})
    }
}

impl Replica {
    /// The node that leads, as far as this one knows: 0 if it knows of none.
    fn leader(&self) -> u32 {
        if self.role.borrow().leads {
            return self.config.id;
        }
        let (ballot, until) = self.acceptor.granted();
        // Its own lease is over, or it would lead.
        let is_other = ballot.node() != self.config.id && self.clock.now() < until;
        if is_other { ballot.node() } else { 0 }
    }

    /// The barrier of the term in which this node leads, when it has executed that, and with it all that was
    /// answered before. No two terms have the same.
    async fn term(&self) -> Option<u64> {
        let Role { leads, barrier, .. } = *self.role.borrow();
        if leads && !self.config.mutation.is(Mutant::ReadBeforeBarrier) {
            self.learner.reached(barrier).await;
        }
        leads.then_some(barrier)
    }

    fn is_leased(&self) -> bool {
        let Role { leads, leased_until, barrier } = *self.role.borrow();
        let executed = self.learner.applied() >= barrier;
        let mutation = self.config.mutation;
        leads
            && (executed || mutation.is(Mutant::ReadBeforeBarrier))
            && (self.clock.now() < leased_until || mutation.is(Mutant::ReadWithoutLease))
    }
}
