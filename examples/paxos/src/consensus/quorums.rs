//! The quorum functions.

use std::collections::BTreeMap;

use quorum_runtime::{NodeId, NodeSet, QuorumSystem as _, Replies, Threshold, Verdict};

use super::Ballot;
use crate::config::Agreement;
use crate::mutant::{Mutant, Mutation};
use crate::paxos::{
    AcceptReply, AcceptRequest, AcceptorQuorumSpec, Entry, LearnReply, LearnRequest, PrepareReply,
    PrepareRequest, ReplicaQuorumSpec, StatusReply, StatusRequest,
};

/// Which nodes suffice for what. Any group that promises shares a node with any group that accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quorums {
    prepare: Threshold,
    accept: Threshold,
    mutation: Mutation,
}

/// What a candidate learns of its ballot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Prepared {
    /// Enough acceptors promise, and tell what they have accepted.
    Promised(Promises),
    /// So many refuse that not enough are left. The highest ballot that one of them has promised.
    Refused(Ballot),
}

/// What a group of acceptors, large enough, has told along with its promises.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Promises {
    /// Of each slot the batch that was accepted under the highest ballot: no other can be chosen.
    pub(crate) accepted: BTreeMap<u64, Entry>,
    /// How far that goes. Of later slots nothing is known yet.
    pub(crate) until: u64,
    /// The first slot of the log that was trimmed furthest, and whose it is.
    pub(crate) first: (u64, NodeId),
}

/// What a leader learns of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Chosen,
    /// So many refuse that not enough are left.
    Refused(Ballot),
}

/// What a leader learns of its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learned {
    Leased,
    Refused(Ballot),
}
