//! Who leads: a node that has heard of no leader for a while becomes a candidate.

use fastrand::Rng;

use super::Ballot;
use super::candidate::{Campaign, campaign};
use super::leader::Leader;
use super::proposals::Proposals;

/// How often the wait before an election is doubled at most.
const DOUBLINGS: u32 = 6;

/// Follows, stands for election and leads, for as long as the node runs.
pub(crate) async fn stand(leader: &Leader, mut proposals: Proposals) {
    let mut random = Rng::with_seed(leader.config.seed);
    let (mut ballot, mut refusals) = (Ballot::default(), 0);
    loop {
        follow(leader, &mut random, &mut refusals).await;
        loop {
            let seen = *leader.acceptor.seen().borrow();
            if ballot < seen || ballot == Ballot::default() {
                ballot = seen.next(leader.config.id);
            }
            let applied = leader.learner.applied();
            match campaign(&leader.paxos, &leader.acceptor, ballot, applied).await {
                Campaign::Won(accepted) => {
                    refusals = 0;
                    let deposed = leader.lead(ballot, accepted, &mut proposals).await;
                    leader.acceptor.saw(deposed.higher);
                    if !deposed.is_leased {
                        break;
                    }
                }
                Campaign::Behind(first) => {
                    leader.acceptor.lacks(first);
                    break;
                }
                Campaign::Refused(higher) => {
                    refusals = (refusals + 1).min(DOUBLINGS);
                    leader.acceptor.saw(higher);
                    break;
                }
                Campaign::Unanswered => break,
            }
        }
    }
}

/// Waits until no leader has a lease, as far as this node knows, and a while that is drawn at random, so
/// that seldom two stand at once. After each time that it was refused it may wait twice as long, until one
/// leader has led for that long: else those who stand again before the others have answered could keep each
/// other from leading for ever.
async fn follow(leader: &Leader, random: &mut Rng, refusals: &mut u32) {
    let (began, lease) = (leader.clock.now(), leader.config.agreement.lease);
    let share = random.f64();
    loop {
        let (_, until) = leader.acceptor.granted();
        let now = leader.clock.now();
        let longest = lease * 2_u32.pow(*refusals);
        let stand = until.max(began) + longest.mul_f64(share);
        if now >= stand {
            return;
        }
        leader.clock.sleep((stand - now).min(lease)).await;
        if until > began + longest + lease {
            *refusals = 0;
        }
    }
}
