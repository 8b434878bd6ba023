//! Who leads: a node that has heard of no leader for a while becomes a candidate.

use fastrand::Rng;

use super::Ballot;
use super::candidate::{Campaign, campaign};
use super::leader::{Deposed, Leader};
use super::proposals::Proposals;

/// Follows, stands for election and leads, for as long as the node runs.
pub(crate) async fn stand(leader: &Leader, mut proposals: Proposals) {
    let mut random = Rng::with_seed(leader.config.seed);
    let mut ballot = Ballot::default();
    loop {
        follow(leader, &mut random).await;
        loop {
            let seen = *leader.acceptor.seen().borrow();
            if ballot < seen || ballot == Ballot::default() {
                ballot = seen.next(leader.config.id);
            }
            let applied = leader.learner.applied();
            match campaign(&leader.paxos, &leader.acceptor, ballot, applied).await {
                Campaign::Won(accepted) => {
                    match leader.lead(ballot, accepted, &mut proposals).await {
                        Deposed::Challenged(higher) => leader.acceptor.saw(higher),
                        Deposed::Overtaken(higher) => {
                            leader.acceptor.saw(higher);
                            break;
                        }
                    }
                }
                Campaign::Behind(first) => {
                    leader.acceptor.lacks(first);
                    break;
                }
                Campaign::Refused(higher) => {
                    leader.acceptor.saw(higher);
                    break;
                }
                Campaign::Unanswered => break,
            }
        }
    }
}

/// Waits until no leader has a lease, as far as this node knows, and a while that is drawn at random, so
/// that seldom two stand at once.
async fn follow(leader: &Leader, random: &mut Rng) {
    let began = leader.clock.now();
    let wait = leader.config.agreement.lease.mul_f64(random.f64());
    loop {
        let (_, until) = leader.acceptor.granted();
        let now = leader.clock.now();
        let stand = until.max(began) + wait;
        if now >= stand {
            return;
        }
        leader.clock.sleep(stand - now).await;
    }
}
