//! Who leads: a node that has heard of no leader for a while becomes a candidate.

use fastrand::Rng;

use super::Ballot;
use super::candidate::{Campaign, campaign};
use super::leader::{Deposed, Leader};
use super::proposals::Proposals;

/// How often the wait before an election is doubled at most.
const DOUBLINGS: u32 = 6;

/// Follows, stands for election and leads, for as long as the node runs.
pub(crate) async fn stand(leader: &Leader, mut proposals: Proposals) {
    let mut random = Rng::with_seed(leader.config.seed);
    let (mut ballot, mut failures) = (Ballot::default(), 0);
    loop {
        follow(leader, &mut random, failures).await;
        failures = (failures + 1).min(DOUBLINGS);
        loop {
            let seen = *leader.acceptor.seen().borrow();
            if ballot < seen || ballot == Ballot::default() {
                ballot = seen.next(leader.config.id);
            }
            let applied = leader.learner.applied();
            match campaign(&leader.paxos, &leader.acceptor, ballot, applied).await {
                Campaign::Won(accepted) => {
                    failures = 0;
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
/// that seldom two stand at once. After each time that it has failed it may wait twice as long: else those
/// who stand again before the others have answered could keep each other from leading for ever.
async fn follow(leader: &Leader, random: &mut Rng, failures: u32) {
    let began = leader.clock.now();
    let longest = leader.config.agreement.lease * 2_u32.pow(failures);
    let wait = longest.mul_f64(random.f64());
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
