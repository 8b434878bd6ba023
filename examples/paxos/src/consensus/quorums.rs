//! The quorum functions: when a candidate leads, and when a batch is chosen.
//!
//! Any group that promises shares a node with any group that accepts, and that is all that Paxos needs of
//! them (Howard, Malkhi and Spiegelman: *Flexible Paxos*, 2016).

use std::collections::BTreeMap;

use quorum_runtime::{NodeSet, QuorumSystem as _, Replies, Threshold, Verdict};

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
    pub(crate) const fn acceptors(&self) -> Threshold {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn quorums(prepare_quorum: usize, accept_quorum: usize) -> Quorums {
        let (cluster, lease) = ("c".to_owned(), Duration::from_secs(1));
        let (nodes, drift) = (5, 0.0);
        let agreement = Agreement { cluster, nodes, prepare_quorum, accept_quorum, lease, drift };
        Quorums::new(&agreement, Mutation::default())
    }

    fn entry(slot: u64, ballot: u64, text: &'static str) -> Entry {
        Entry { slot, ballot, batch: text.into() }
    }

    fn promise(first: u64, until: u64, accepted: Vec<Entry>) -> PrepareReply {
        PrepareReply { promised: 9, leased: false, first, accepted, until }
    }

    const REQUEST: PrepareRequest = PrepareRequest { ballot: 9, from: 1 };

    fn prepare(
        quorums: Quorums,
        replies: impl IntoIterator<Item = (u32, PrepareReply)>,
    ) -> Verdict<Prepared> {
        let replies = replies
            .into_iter()
            .fold(Replies::new(1..=5), |replies, (node, reply)| replies.with_reply(node, reply));
        quorums.prepare(&REQUEST, &replies)
    }

    #[test]
    fn a_candidate_takes_what_was_accepted_under_the_highest_ballot() {
        let old = promise(1, u64::MAX, vec![entry(4, 3, "old"), entry(5, 3, "alone")]);
        let new = promise(3, 6, vec![entry(4, 7, "new"), entry(6, 2, "later")]);
        let none = promise(1, 5, vec![]);
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let replies = order.map(|i| (i as u32 + 1, [&old, &new, &none][i].clone()));
            let Verdict::Done(Prepared::Promised(promises)) = prepare(quorums(3, 3), replies)
            else {
                panic!("three of five promise");
            };
            let texts: Vec<_> =
                promises.accepted.values().map(|e| (e.slot, &e.batch[..])).collect();
            assert_eq!(texts, [(4, &b"new"[..]), (5, b"alone")], "no more than all have told of");
            assert_eq!((promises.until, promises.first), (5, 3));
        }
    }

    #[test]
    fn a_candidate_waits_for_enough_promises_and_not_for_more() {
        let one = || promise(1, u64::MAX, vec![]);
        assert_eq!(prepare(quorums(3, 3), [(1, one()), (2, one())]), Verdict::Pending);
        let leads = |verdict| matches!(verdict, Verdict::Done(Prepared::Promised(_)));
        assert!(leads(prepare(quorums(2, 4), [(1, one()), (2, one())])));
    }

    #[test]
    fn a_candidate_hears_of_a_higher_ballot_and_of_a_leader() {
        let higher = PrepareReply { promised: 12, ..PrepareReply::default() };
        let refused = prepare(quorums(3, 3), [(1, higher)]);
        assert_eq!(refused, Verdict::Done(Prepared::Refused(Ballot(12))));
        let leased = || PrepareReply { promised: 7, leased: true, ..PrepareReply::default() };
        let two = [(1, leased()), (2, leased())];
        assert_eq!(prepare(quorums(3, 3), two.clone()), Verdict::Pending, "three are left");
        let three = two.into_iter().chain([(3, leased())]);
        assert_eq!(prepare(quorums(3, 3), three), Verdict::Done(Prepared::Refused(Ballot(9))));
    }

    #[test]
    fn a_batch_is_chosen_when_enough_have_accepted_it() {
        let request = AcceptRequest { ballot: 9, ..AcceptRequest::default() };
        let accept = |promised: &[u64]| {
            let replies = (1..).zip(promised).fold(Replies::new(1..=5), |all, (node, promised)| {
                all.with_reply(node, AcceptReply { promised: *promised })
            });
            quorums(3, 3).accept(&request, &replies)
        };
        assert_eq!(accept(&[9, 9]), Verdict::Pending);
        assert_eq!(accept(&[9, 9, 9]), Verdict::Done(Accepted::Chosen));
        assert_eq!(accept(&[9, 12]), Verdict::Done(Accepted::Refused(Ballot(12))));
        assert_eq!(accept(&[12, 9, 9, 9]), Verdict::Done(Accepted::Chosen), "whoever refuses");
    }
}
