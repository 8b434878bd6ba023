use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often servers of gRPC let a client ping, unless they are configured otherwise. They end the
/// connection of one whose pings come more often four times in a row with nothing said in between.
const ALLOWED: Duration = Duration::from_secs(5 * 60);

/// How often a node is pinged: one of ours as the manager says, others as they allow it.
///
/// It is known from the last connection, because the interval of HTTP/2 pings can't be changed in one
/// that is open.
#[derive(Debug)]
pub(super) struct Pings {
    told: Duration,
    sparing: AtomicBool,
}

impl Pings {
    pub(super) const fn new(told: Duration) -> Self {
        Self { told, sparing: AtomicBool::new(false) }
    }

    /// How often the next connection pings.
    pub(super) fn interval(&self) -> Duration {
        if self.sparing.load(Ordering::Relaxed) { self.told.max(ALLOWED) } else { self.told }
    }

    /// The node has said whether it is one of ours.
    pub(super) fn greeted(&self, ours: bool) {
        self.sparing.store(!ours, Ordering::Relaxed);
    }

    /// A connection has ended on which the node said nothing. One of ours greets at once, so a node
    /// that only answered pings for so long is none.
    pub(super) fn ended_without_greeting(&self, after: Duration) {
        if after > 3 * self.told {
            self.sparing.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Duration = Duration::from_secs(5);

    #[test]
    fn nodes_of_ours_are_pinged_as_the_manager_says_and_others_sparingly() {
        let pings = Pings::new(TOLD);
        assert_eq!(pings.interval(), TOLD);
        pings.greeted(false);
        assert_eq!(pings.interval(), ALLOWED);
        pings.greeted(true);
        assert_eq!(pings.interval(), TOLD);
    }

    #[test]
    fn a_manager_that_pings_still_less_often_keeps_to_it() {
        let pings = Pings::new(2 * ALLOWED);
        pings.greeted(false);
        assert_eq!(pings.interval(), 2 * ALLOWED);
    }

    #[test]
    fn a_node_that_ends_a_connection_in_silence_is_spared_pings_but_one_that_is_stuck_is_not() {
        let pings = Pings::new(TOLD);
        // A ping that is not answered ends the connection after two intervals.
        pings.ended_without_greeting(2 * TOLD);
        assert_eq!(pings.interval(), TOLD);
        pings.ended_without_greeting(4 * TOLD);
        assert_eq!(pings.interval(), ALLOWED);
    }
}
