use std::collections::VecDeque;

use super::inbox::Arrival;

/// So many are held in place: those of a call to three nodes.
const FEW: usize = 3;

/// What has arrived for one call and was not read yet, the oldest first. The first few need no
/// memory of their own: most calls are read before there are more.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    few: [Option<Arrival>; FEW],
    /// Those of the few that were written, and of these those that were read, since there was none.
    written: usize,
    read: usize,
    /// What came when there was no place left. It is younger than the few.
    rest: VecDeque<Arrival>,
}

impl Arrivals {
    pub(super) fn len(&self) -> usize {
        self.written - self.read + self.rest.len()
    }

    pub(super) fn push(&mut self, arrival: Arrival) {
        match self.few.get_mut(self.written) {
            Some(place) if self.rest.is_empty() => {
                *place = Some(arrival);
                self.written += 1;
            }
            _ => self.rest.push_back(arrival),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Arrival> {
        if self.read == self.written {
            (self.read, self.written) = (0, 0);
            return self.rest.pop_front();
        }
        let arrival = self.few[self.read].take();
        self.read += 1;
        arrival
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arrival> {
        self.few[self.read..self.written].iter().flatten().chain(&self.rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::call::Event;

    proptest! {
        #[test]
        fn they_come_out_in_the_order_in_which_they_went_in(
            pushes in proptest::collection::vec(any::<bool>(), 0..60),
        ) {
            let (mut arrivals, mut expected) = (Arrivals::default(), VecDeque::new());
            for (id, pushes) in (0_u32..).zip(pushes) {
                if pushes {
                    arrivals.push(Arrival { node: id.into(), event: Event::End });
                    expected.push_back(id);
                } else {
                    let popped = arrivals.pop().map(|arrival| arrival.node.get());
                    prop_assert_eq!(popped, expected.pop_front());
                }
                prop_assert_eq!(arrivals.len(), expected.len());
                let waiting = arrivals.iter().map(|arrival| arrival.node.get());
                prop_assert!(waiting.eq(expected.iter().copied()));
            }
        }
    }
}
