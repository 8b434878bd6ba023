//! What a client waits for that has not ended.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::Place;
use crate::observe::{Event, EventKind, Message};
use crate::quorum::NodeId;

/// A call that nobody has ended, and what became of it at each node.
#[derive(Default)]
struct Open<'a> {
    method: &'a str,
    nodes: BTreeMap<NodeId, String>,
}

/// Adds to each of these clients what it waits for, as far as the events tell.
pub(super) fn stuck(
    at: Vec<(Place, String)>,
    events: &[Event],
    names: &BTreeMap<u64, Place>,
    now: Duration,
) -> Vec<(Place, String)> {
    if events.is_empty() {
        return at;
    }
    let waits = |place| {
        let is_its =
            |event: &&Event| event.at.incarnation.and_then(|run| names.get(&run)) == Some(&place);
        describe(&open(events.iter().filter(is_its)), now)
    };
    at.into_iter().map(|(place, _)| (place, waits(place))).collect()
}

fn open<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeMap<u64, Open<'a>> {
    let mut open = BTreeMap::<_, Open<'_>>::new();
    for Event { sequence, method, peer, kind, .. } in events {
        let node = peer.and_then(|peer| peer.node);
        match kind {
            EventKind::Called { .. } => {
                open.insert(*sequence, Open { method, nodes: BTreeMap::new() });
            }
            EventKind::Ended { .. } => {
                open.remove(sequence);
            }
            EventKind::Queued => set(&mut open, *sequence, node, "waits for a connection"),
            EventKind::Sent(Message::Request) => {
                set(&mut open, *sequence, node, "has not answered");
            }
            EventKind::Received(_) => set(&mut open, *sequence, node, "has answered"),
            EventKind::Failed(error) => set(&mut open, *sequence, node, &error.to_string()),
            _ => {}
        }
    }
    open
}

fn set(open: &mut BTreeMap<u64, Open<'_>>, call: u64, node: Option<NodeId>, state: &str) {
    if let (Some(open), Some(node)) = (open.get_mut(&call), node) {
        open.nodes.insert(node, state.to_owned());
    }
}

fn describe(open: &BTreeMap<u64, Open<'_>>, now: Duration) -> String {
    if open.is_empty() {
        return format!(", and waits for no call at {:.3} s", now.as_secs_f64());
    }
    let mut text = String::new();
    for (sequence, Open { method, nodes }) in open {
        let separator = if text.is_empty() { ", and waits for" } else { " and" };
        // Writing to a string does not fail.
        let _ = write!(text, "{separator} #{sequence} {method}");
        for (index, (node, state)) in nodes.iter().enumerate() {
            let separator = if index == 0 { " (" } else { ", " };
            let _ = write!(text, "{separator}node {node}: {state}");
        }
        text.push_str(if nodes.is_empty() { "" } else { ")" });
    }
    text
}
