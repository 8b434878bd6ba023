//! An order of events in which no effect stands before its cause.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::matching::Ends;

/// The places of events in causal order (Lamport: Time, Clocks, and the Ordering of Events in a
/// Distributed System, 1978), given the column of each and the messages between them. Where that
/// leaves a choice, they stay in the order that they have, which is that of their times; and so does
/// what contradicts itself.
pub(super) fn order<T: Ord>(times: &[T], columns: &[usize], messages: &[Ends]) -> Vec<usize> {
    let mut causes = vec![0u8; columns.len()];
    let mut next = vec![None; columns.len()];
    let mut received = vec![None; columns.len()];
    let mut newest = vec![None; columns.iter().max().map_or(0, |last| last + 1)];
    for (place, column) in columns.iter().enumerate() {
        if let Some(before) = newest[*column].replace(place) {
            next[before] = Some(place);
            causes[place] += 1;
        }
    }
    for ends in messages {
        if let (Some(from), Some(to)) = (ends.sent, ends.received) {
            received[from] = Some(to);
            causes[to] += 1;
        }
    }
    let mut order = Vec::with_capacity(columns.len());
    let mut is_done = vec![false; columns.len()];
    let mut ready: BinaryHeap<_> =
        (0..columns.len()).filter(|place| causes[*place] == 0).map(Reverse).collect();
    let mut first = 0;
    while order.len() < columns.len() {
        while is_done[first] {
            first += 1;
        }
        // When nothing else of its time is ready, the first is its own cause.
        let place = match ready.pop() {
            Some(Reverse(place)) if times[place] == times[first] => place,
            later => {
                ready.extend(later);
                first
            }
        };
        if std::mem::replace(&mut is_done[place], true) {
            continue;
        }
        order.push(place);
        for effect in [next[place], received[place]].into_iter().flatten() {
            causes[effect] = causes[effect].saturating_sub(1);
            if causes[effect] == 0 {
                ready.push(Reverse(effect));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Message;

    fn message(sent: usize, received: usize) -> Ends {
        let (from, to, message) = (0, 0, Message::Request);
        Ends { from, to, message, sent: Some(sent), received: Some(received), is_lost: false }
    }

    #[test]
    fn what_is_in_order_stays_so() {
        assert_eq!(order(&[0; 4], &[0, 1, 1, 0], &[message(0, 1), message(2, 3)]), [0, 1, 2, 3]);
    }

    #[test]
    fn a_message_is_received_after_it_was_sent() {
        // The log of the one that is called comes first.
        assert_eq!(order(&[0; 4], &[1, 1, 0, 0], &[message(2, 0), message(1, 3)]), [2, 0, 1, 3]);
    }

    #[test]
    fn what_contradicts_itself_is_kept_whole_and_in_time() {
        let messages = [message(1, 2), message(3, 0)];
        assert_eq!(order(&[0; 5], &[0, 0, 1, 1, 2], &messages), [4, 0, 1, 2, 3]);
        assert_eq!(order(&[0, 0, 0, 0, 1], &[0, 0, 1, 1, 2], &messages), [0, 1, 2, 3, 4]);
    }
}
