use std::collections::BTreeMap;

use super::run::Run;

/// The vector clocks of the events of a run: of each process, how many of its events are known to one
/// where the event happens. One event can have been a cause of another if none of its numbers is
/// greater (Fidge: Timestamps in Message-Passing Systems That Preserve the Partial Ordering, 1988;
/// Mattern: Virtual Time and Global States of Distributed Systems, 1989).
#[derive(Debug)]
pub(super) struct Clocks {
    /// Of each column.
    now: Vec<Vec<u64>>,
    /// What messages that are under way carry.
    carried: BTreeMap<usize, Vec<u64>>,
}

impl Clocks {
    pub(super) fn new(run: &Run<'_>) -> Self {
        let columns = run.columns.columns.len();
        Self { now: vec![vec![0; columns]; columns], carried: BTreeMap::new() }
    }

    /// The clock of an event; asked for one after the other, in their order.
    pub(super) fn tick(&mut self, run: &Run<'_>, place: usize) -> &[u64] {
        let at = run.at[place];
        let message = run.message_of[place];
        let carried = message.and_then(|message| self.carried.remove(&message));
        let clock = &mut self.now[at];
        for (own, carried) in clock.iter_mut().zip(carried.into_iter().flatten()) {
            *own = carried.max(*own);
        }
        clock[at] += 1;
        if let Some(number) = message {
            let ends = &run.messages[number].ends;
            if ends.sent == Some(place) && ends.received.is_some() {
                self.carried.insert(number, clock.clone());
            }
        }
        clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::scripts::Script;

    #[test]
    fn a_clock_counts_the_causes_of_an_event() {
        let trace = Script::writes().trace();
        let run = trace.run();
        let mut clocks = Clocks::new(&run);
        let all: Vec<_> = (0..run.events.len())
            .map(|place| (run.events[place].kind.to_string(), clocks.tick(&run, place).to_vec()))
            .collect();
        // In the order of the columns: two nodes, the client, the network.
        assert_eq!(all[0], ("noted".into(), vec![0, 0, 0, 1]));
        assert_eq!(all[1], ("called".into(), vec![0, 0, 1, 0]));
        let replied = all.iter().position(|(kind, _)| kind == "received reply").expect("a reply");
        assert_eq!(all[replied].1, [4, 0, 4, 0], "the late node has said nothing yet");
        let is_late =
            |(kind, clock): &&(String, Vec<u64>)| kind == "received reply" && clock[1] > 0;
        assert_eq!(all.iter().find(is_late).expect("a late reply").1, [4, 4, 6, 0]);
    }
}
