//! The candidate: phase 1 for all slots that it has not executed, in as many pages as that takes.

use std::collections::BTreeMap;

use quorum_runtime::Configuration;

use super::{Acceptor, Ballot, Prepared, Quorums};
use crate::paxos::{AcceptorConfiguration as _, Entry, PrepareRequest};

/// What becomes of a candidate.
#[derive(Debug)]
pub(crate) enum Campaign {
    /// It leads, and must propose these batches again in their slots.
    Won(BTreeMap<u64, Entry>),
    /// Somebody has promised this ballot, or a leader has its lease.
    Refused(Ballot),
    /// The logs of others begin here, and this node needs earlier slots: it copies a store first.
    Behind(u64),
    /// Not enough acceptors have answered. It tries again under the same ballot, so that one who is cut
    /// off does not come back with a ballot that is far above all others.
    Unanswered,
}

/// Asks for a ballot, which this node has taken for itself.
pub(crate) async fn campaign(
    paxos: &Configuration<Quorums>,
    acceptor: &Acceptor,
    ballot: Ballot,
    applied: u64,
) -> Campaign {
    match acceptor.take(ballot).await {
        Ok(None) => {}
        Ok(Some(promised)) => return Campaign::Refused(promised),
        Err(_) => return Campaign::Unanswered, // The disk has failed, and the node is ending.
    }
    let (mut accepted, mut from) = (BTreeMap::new(), applied + 1);
    loop {
        let promises = match paxos.prepare(PrepareRequest { ballot: ballot.0, from }).await {
            Ok(Prepared::Promised(promises)) => promises,
            Ok(Prepared::Refused(higher)) => return Campaign::Refused(higher),
            Err(_) => return Campaign::Unanswered,
        };
        if promises.first > applied + 1 {
            return Campaign::Behind(promises.first);
        }
        accepted.extend(promises.accepted);
        if promises.until == u64::MAX {
            return Campaign::Won(accepted);
        }
        from = promises.until + 1;
    }
}
