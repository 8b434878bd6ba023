//! The lease of a leader: while it lasts nobody else can become one, so the leader answers reads by itself
//! (Gray and Cheriton: *Leases*, 1989).
//!
//! An acceptor that grants it promises nothing to others for the length of the lease, by its own clock,
//! from when it was *asked*. The leader counts from before it *asked*, and less: the two clocks may differ in
//! speed. Those who grant it are as many as those who choose a batch, so every group that could promise
//! another ballot has one of them in it.

use std::time::Duration;

use quorum_runtime::{NodeId, NodeSet, Threshold, Watermark};

use super::Ballot;
use crate::config::Agreement;

/// What a leader has been granted. Times are those of its clock.
#[derive(Debug)]
pub(crate) struct Lease {
    /// When each acceptor was asked that has granted it since.
    granted: Watermark<Duration>,
    members: NodeSet,
    acceptors: Threshold,
    length: Duration,
}

impl Lease {
    pub(crate) fn new(agreement: &Agreement, acceptors: Threshold) -> Self {
        let members = (1..).take(agreement.nodes).collect();
        // If its clock is slow and that of an acceptor fast, this is how much of the time is left.
        let length = agreement.lease.mul_f64((1.0 - agreement.drift) / (1.0 + agreement.drift));
        Self { granted: Watermark::new(), members, acceptors, length }
    }

    /// An acceptor has granted what it was asked for at this time.
    pub(crate) fn granted(&mut self, by: NodeId, asked: Duration) {
        self.granted.report(by, asked);
    }

    /// Until when it lasts.
    pub(crate) fn until(&self) -> Duration {
        let asked = self.granted.quorum_value(&self.acceptors, &self.members);
        asked.map_or(Duration::ZERO, |asked| *asked + self.length)
    }
}

/// What an acceptor has granted last, by its clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted {
    ballot: Ballot,
    until: Duration,
}

impl Granted {
    /// To the leader of a ballot; to that of none, if an acceptor that has just started cannot know to whom.
    pub(crate) const fn to(ballot: Ballot, until: Duration) -> Self {
        Self { ballot, until }
    }

    /// Whether it forbids a promise to this ballot. A leader may ask for a higher ballot of its own.
    pub(crate) fn forbids(&self, ballot: Ballot, now: Duration) -> bool {
        now < self.until && self.ballot.node() != ballot.node()
    }

    pub(crate) const fn until(&self) -> Duration {
        self.until
    }

    pub(crate) const fn ballot(&self) -> Ballot {
        self.ballot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement() -> Agreement {
        Agreement {
            cluster: "c".to_owned(),
            nodes: 5,
            prepare_quorum: 3,
            accept_quorum: 3,
            lease: Duration::from_millis(1100),
            drift: 0.05,
        }
    }

    #[test]
    fn it_lasts_from_when_the_slowest_of_enough_was_asked() {
        let mut lease = Lease::new(&agreement(), Threshold(3));
        let at = Duration::from_millis;
        for (node, asked) in [(1, 50), (4, 30)] {
            lease.granted(NodeId::from(node), at(asked));
        }
        assert_eq!(lease.until(), Duration::ZERO, "2 of 5");
        lease.granted(NodeId::from(5), at(40));
        let length = lease.until() - at(30);
        assert!(length > at(990) && length < at(1000), "{length:?}");
        lease.granted(NodeId::from(9), at(90));
        assert_eq!(lease.until(), at(30) + length, "who is no member counts for nothing");
    }

    #[test]
    fn it_is_over_at_the_leader_before_the_fastest_clock_says_so() {
        let agreement = agreement();
        let length = Lease::new(&agreement, Threshold(1)).length;
        // The leader's clock is slow, so its lease lasts longer; the acceptor's is fast, and ends earlier.
        assert!(length.div_f64(0.95) <= agreement.lease.div_f64(1.05));
    }

    #[test]
    fn it_forbids_promises_to_others_only() {
        let at = Duration::from_millis;
        let granted = Granted::to(Ballot::new(3, 1), at(100));
        assert!(granted.forbids(Ballot::new(4, 2), at(99)));
        assert!(!granted.forbids(Ballot::new(4, 2), at(100)));
        assert!(!granted.forbids(Ballot::new(4, 1), at(50)));
        assert!(Granted::to(Ballot(0), at(100)).forbids(Ballot::new(4, 1), at(50)));
    }
}
