//! The quorum functions: when a candidate leads, and when a batch is chosen.
//!
//! Any group that promises shares a node with any group that accepts, and that is all that Paxos needs of
//! them (Howard, Malkhi and Spiegelman: *Flexible Paxos*, 2016).

use std::collections::BTreeMap;

use quorum_runtime::{NodeId, NodeSet, QuorumSystem as _, Replies, Threshold, Verdict};

use super::Ballot;
use crate::config::Agreement;
use crate::mutant::{Mutant, Mutation};
use crate::paxos::{
    AcceptReply, AcceptRequest, AcceptorQuorumSpec, Entry, PrepareReply, PrepareRequest,
};

/// Which nodes suffice for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quorums {
    prepare: Threshold,
    accept: Threshold,
    mutation: Mutation,
}

/// What a candidate learns of its ballot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Prepared {
    Promised(Promises),
    /// An acceptor has promised this ballot, or a leader has its lease.
    Refused(Ballot),
}

/// What enough acceptors have told along with their promises.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Promises {
    /// Of each slot the batch that was accepted under the highest ballot: no other can be chosen.
    pub(crate) accepted: BTreeMap<u64, Entry>,
    /// How far that goes. Of later slots nothing is known yet.
    pub(crate) until: u64,
    /// The first slot that all of their logs still have.
    pub(crate) first: u64,
}

/// What a leader learns of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Chosen,
    /// An acceptor has promised this ballot.
    Refused(Ballot),
}

impl Quorums {
    pub(crate) const fn new(agreement: &Agreement, mutation: Mutation) -> Self {
        let prepare = Threshold(agreement.prepare_quorum);
        Self { prepare, accept: Threshold(agreement.accept_quorum), mutation }
    }

    /// How many acceptors choose a batch, and grant a lease.
    pub(crate) const fn accept(&self) -> Threshold {
        self.accept
    }
}

impl AcceptorQuorumSpec for Quorums {
    fn prepare(
        &self,
        request: &PrepareRequest,
        replies: &Replies<PrepareReply>,
    ) -> Verdict<Prepared> {
        let refused = replies.values().map(|reply| reply.promised).max();
        if let Some(higher) = refused.filter(|promised| *promised > request.ballot) {
            return Verdict::Done(Prepared::Refused(Ballot(higher)));
        }
        let leased: NodeSet =
            replies.iter().filter(|(_, reply)| reply.leased).map(|(node, _)| node).collect();
        if !self.prepare.can_still(replies.members(), &leased) {
            return Verdict::Done(Prepared::Refused(Ballot(request.ballot)));
        }
        let promised = || replies.iter().filter(|(_, reply)| !reply.leased);
        let promisers: NodeSet = promised().map(|(node, _)| node).collect();
        if replies.is_quorum(&self.prepare) && self.prepare.is_quorum(replies.members(), &promisers)
        {
            let merged = merge(promised().map(|(_, reply)| reply), self.mutation);
            return Verdict::Done(Prepared::Promised(merged));
        }
        Verdict::Pending
    }

    fn accept(&self, request: &AcceptRequest, replies: &Replies<AcceptReply>) -> Verdict<Accepted> {
        let accepted = |reply: &AcceptReply| reply.promised == request.ballot;
        let acceptors: NodeSet =
            replies.iter().filter(|(_, reply)| accepted(reply)).map(|(node, _)| node).collect();
        let half = Threshold(replies.members().len() / 2);
        let system = if self.mutation.is(Mutant::HalfAccepts) { half } else { self.accept };
        if replies.is_quorum(&system) && system.is_quorum(replies.members(), &acceptors) {
            return Verdict::Done(Accepted::Chosen);
        }
        let refused = replies.values().find(|reply| !accepted(reply));
        refused.map(|reply| Accepted::Refused(Ballot(reply.promised))).into()
    }
}

/// Step 2a of the synod: what was accepted under the highest ballot is what may be proposed.
fn merge<'a>(replies: impl Iterator<Item = &'a PrepareReply>, mutation: Mutation) -> Promises {
    let mut merged = Promises { until: u64::MAX, ..Promises::default() };
    for reply in replies {
        merged.until = merged.until.min(reply.until);
        merged.first = merged.first.max(reply.first);
        for entry in &reply.accepted {
            let known = merged.accepted.get(&entry.slot);
            let any = known.is_some() && mutation.is(Mutant::AnyAccepted);
            if known.is_none_or(|known| known.ballot < entry.ballot) && !any {
                merged.accepted.insert(entry.slot, entry.clone());
            }
        }
    }
    let _later = merged.accepted.split_off(&merged.until.saturating_add(1));
    merged
}

/// A node of this cluster.
pub(crate) fn node_id(id: u32) -> NodeId {
    NodeId::from(id)
}
