//! Which message that was received is which that was sent.

use std::collections::BTreeMap;

use super::call_id::CallId;
use super::columns::Columns;
use crate::observe::{Event, EventKind, Message};

/// The two ends of a message, as places among the events. One of them may not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) message: Message,
    pub(super) sent: Option<usize>,
    pub(super) received: Option<usize>,
    /// It was sent and will not come: its connection or the process at its end broke, or what was
    /// sent after it has come.
    pub(super) is_lost: bool,
}

/// The messages of one call that are the same in all that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    from: usize,
    to: usize,
    call: Option<CallId>,
    name: &'static str,
    cause: Option<&'static str>,
}

#[derive(Default)]
struct Seen {
    sent: Vec<usize>,
    received: Vec<usize>,
}

/// Matches the messages in these events, which are in the order of their times. What is alike is
/// received in the order in which it was sent, but for the last before a connection broke.
pub(super) fn messages(events: &[&Event], columns: &Columns) -> Vec<Ends> {
    let breaks = Breaks::new(events, columns);
    let mut alike: BTreeMap<Alike, (Message, Seen)> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        let (message, is_sent) = match event.kind {
            EventKind::Sent(message) => (message, true),
            EventKind::Received(message) => (message, false),
            _ => continue,
        };
        // What has no other end cannot be matched.
        let Some(peer) = event.peer else {
            continue;
        };
        let (at, peer) = (columns.of(event.at), columns.of(peer));
        let (from, to) = if is_sent { (at, peer) } else { (peer, at) };
        let call = CallId::of(event, columns);
        let key = Alike { from, to, call, name: message.name(), cause: event.kind.cause() };
        let (_, seen) = alike.entry(key).or_insert_with(|| (message, Seen::default()));
        if is_sent { &mut seen.sent } else { &mut seen.received }.push(place);
    }
    let mut all = Vec::new();
    for (Alike { from, to, .. }, (message, seen)) in alike {
        let between = |place| breaks.before(from, to, place);
        let ends = |(sent, received)| Ends { from, to, message, sent, received, is_lost: false };
        all.extend(pairs(events, &seen, between).into_iter().map(ends));
    }
    all.sort_by_key(|ends| ends.sent.or(ends.received));
    find_lost(&mut all, &breaks, columns);
    all
}

/// Matches messages that are alike. Where some were lost, those that came were sent on the newest
/// connection.
fn pairs(
    events: &[&Event],
    Seen { sent, received }: &Seen,
    breaks_before: impl Fn(usize) -> usize,
) -> Vec<(Option<usize>, Option<usize>)> {
    let mut pairs = Vec::new();
    let mut rest = &sent[..];
    for (number, &came) in received.iter().enumerate() {
        let could = rest.iter().take_while(|sent| events[**sent].time <= events[came].time);
        let candidates = &rest[..could.count()];
        let Some(&newest) = candidates.last() else {
            pairs.push((None, Some(came)));
            continue;
        };
        let lacking = rest.len() > received.len() - number;
        let is_newest = |sent: &usize| breaks_before(*sent) == breaks_before(newest);
        let first = candidates.iter().position(|sent| !lacking || is_newest(sent)).unwrap_or(0);
        pairs.extend(rest[..first].iter().map(|sent| (Some(*sent), None)));
        pairs.push((Some(rest[first]), Some(came)));
        rest = &rest[first + 1..];
    }
    pairs.extend(rest.iter().map(|sent| (Some(*sent), None)));
    pairs
}

/// A message that is still under way when the run ends, or that goes to where nobody looks, is none.
fn find_lost(all: &mut [Ends], breaks: &Breaks, columns: &Columns) {
    // The newest that has come, of each way: what was sent before it on one connection has come or
    // never will.
    let mut newest: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for Ends { from, to, sent, received, .. } in &*all {
        if let (Some(sent), Some(_)) = (sent, received) {
            newest.insert((*from, *to), *sent);
        }
    }
    for Ends { from, to, sent, received, is_lost, .. } in all {
        if let (Some(sent), None) = (*sent, *received) {
            let overtaken = newest.get(&(*from, *to)).is_some_and(|newest| *newest > sent);
            let broken = breaks.after(*from, *to, sent);
            *is_lost = columns.columns[*to].is_observed && (overtaken || broken);
        }
    }
}

/// Where the connections between processes broke.
#[derive(Debug, Default)]
struct Breaks {
    /// By the process that saw it and the one at the other end.
    connections: BTreeMap<(usize, usize), Vec<usize>>,
    crashes: BTreeMap<usize, Vec<usize>>,
}

impl Breaks {
    fn new(events: &[&Event], columns: &Columns) -> Self {
        let mut breaks = Self::default();
        for (place, event) in events.iter().enumerate() {
            let at = columns.of(event.at);
            match (&event.kind, event.peer) {
                (EventKind::Disconnected(_) | EventKind::CallerWent, Some(peer)) => {
                    breaks.connections.entry((at, columns.of(peer))).or_default().push(place);
                }
                (EventKind::Crashed, _) => breaks.crashes.entry(at).or_default().push(place),
                _ => {}
            }
        }
        breaks
    }

    /// How many there were at the sender before a message.
    fn before(&self, from: usize, to: usize, sent: usize) -> usize {
        let connections = self.connections.get(&(from, to));
        let all = [connections, self.crashes.get(&from)];
        all.into_iter().flatten().map(|all| all.partition_point(|place| *place < sent)).sum()
    }

    /// Whether there was one after a message, at either end.
    fn after(&self, from: usize, to: usize, sent: usize) -> bool {
        let connections = [(from, to), (to, from)].map(|ends| self.connections.get(&ends));
        let crashes = [from, to].map(|at| self.crashes.get(&at));
        let mut all = connections.into_iter().chain(crashes).flatten();
        all.any(|all| all.last().is_some_and(|place| *place > sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ConnectionError;
    use crate::observe::Process;
    use crate::trace::columns::Names;
    use crate::trace::scripts::{Script, node_run};

    /// The times of sending and receiving, in milliseconds, and whether it is lost.
    fn matched(script: &Script) -> Vec<(Option<u64>, Option<u64>, bool)> {
        let mut events: Vec<_> = script.events.iter().collect();
        events.sort_by_key(|event| event.time);
        let columns = Columns::new(&events, &Names::default());
        let start = events[0].time;
        let time = |place: usize| (events[place].time - start).as_millis() as u64;
        let all = messages(&events, &columns).into_iter();
        all.map(|ends| (ends.sent.map(time), ends.received.map(time), ends.is_lost)).collect()
    }

    fn ends() -> [Process; 2] {
        [Process::run(77), node_run(1, 10)]
    }

    fn disconnected(script: &mut Script, time: u64) {
        let [client, node] = ends();
        let kind = EventKind::Disconnected(ConnectionError::new("gone"));
        script.at(time, client, kind).peer = Some(node);
    }

    #[test]
    fn messages_that_are_alike_come_in_the_order_in_which_they_were_sent() {
        let [client, node] = ends();
        let mut script = Script::default();
        script.message([0, 5], ends(), 1, Message::Request);
        for sent in [6, 7, 8] {
            script.message([sent, sent + 10], [node, client], 1, Message::Reply);
        }
        script.message([9, 19], [node, client], 1, Message::End);
        let arrow = |sent, received| (Some(sent), Some(received), false);
        let arrows = [arrow(0, 5), arrow(6, 16), arrow(7, 17), arrow(8, 18), arrow(9, 19)];
        assert_eq!(matched(&script), arrows);
    }

    #[test]
    fn calls_of_two_runs_with_one_number_are_told_apart() {
        let [_, node] = ends();
        let mut script = Script::default();
        script.message([0, 3], [node_run(2, 77), node], 1, Message::Request);
        script.message([1, 2], [node_run(2, 78), node], 1, Message::Request);
        assert_eq!(matched(&script), [(Some(0), Some(3), false), (Some(1), Some(2), false)]);
    }

    #[test]
    fn what_was_sent_again_on_the_next_connection_is_what_came() {
        let mut script = Script::default();
        script.sent(0, ends(), 1, Message::Request);
        disconnected(&mut script, 1);
        script.message([2, 3], ends(), 1, Message::Request);
        assert_eq!(matched(&script), [(Some(0), None, true), (Some(2), Some(3), false)]);
    }

    #[test]
    fn where_all_came_all_are_matched_although_the_connection_broke() {
        let mut script = Script::default();
        script.message([0, 3], ends(), 1, Message::Request);
        disconnected(&mut script, 1);
        script.message([2, 4], ends(), 1, Message::Request);
        assert_eq!(matched(&script), [(Some(0), Some(3), false), (Some(2), Some(4), false)]);
    }

    #[test]
    fn what_is_under_way_at_the_end_is_not_lost_and_what_was_overtaken_is() {
        let mut script = Script::default();
        script.sent(0, ends(), 1, Message::Request);
        script.message([1, 2], ends(), 2, Message::Request);
        script.sent(3, ends(), 3, Message::Request);
        script.sent(4, [Process::run(77), Process::node(9)], 4, Message::Request);
        script.at(5, Process::run(77), EventKind::Crashed);
        let expected = [
            (Some(0), None, true),
            (Some(1), Some(2), false),
            (Some(3), None, true),
            (Some(4), None, false), // Nobody looks at node 9.
        ];
        assert_eq!(matched(&script), expected);
        script.events.pop();
        let lost = matched(&script).into_iter().map(|(.., is_lost)| is_lost);
        assert_eq!(lost.collect::<Vec<_>>(), [true, false, false, false]);
    }

    #[test]
    fn what_nobody_is_seen_to_send_has_one_end() {
        let mut script = Script::default();
        let [client, node] = ends();
        script.of_call(0, [node, client], 1, EventKind::Received(Message::Request));
        script.sent(1, ends(), 1, Message::Request);
        assert_eq!(matched(&script), [(None, Some(0), false), (Some(1), None, false)]);
    }
}
