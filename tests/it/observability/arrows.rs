//! What the logs of several processes say together: which message that was received is which that
//! was sent.

use std::collections::{BTreeMap, VecDeque};

use quorum_runtime::{Event, EventKind, Majority, Message, NodeId, Process};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{eventually, item, text};

use super::{builder, kinds, log, observed};

/// From which run of a process to which, which number, which message.
type Arrow = (u64, u64, u64, String);

/// The incarnation of a peer: that of the event, or else the one that the node told later.
fn incarnation(events: &[Event], at: usize, peer: Process) -> u64 {
    peer.incarnation.unwrap_or_else(|| {
        let told = |event: &Event| {
            let of_peer = event.peer.filter(|other| other.node == peer.node);
            of_peer.and_then(|peer| peer.incarnation)
        };
        events[at..].iter().find_map(told).expect("the node has said who it is")
    })
}

/// Matches each message that was received with one that was sent; what is left was not received.
fn unmatched(logs: &[Vec<Event>]) -> BTreeMap<Arrow, VecDeque<NodeIds>> {
    let mut sent: BTreeMap<Arrow, VecDeque<NodeIds>> = BTreeMap::new();
    let arrows = |is_sent: bool| {
        logs.iter().flat_map(move |log| {
            log.iter().enumerate().filter_map(move |(at, event)| {
                let message = match (&event.kind, is_sent) {
                    (EventKind::Sent(message), true) => message,
                    (EventKind::Received(message), false) => message,
                    _ => return None,
                };
                let peer = event.peer.expect("a message has two ends");
                let (own, other) =
                    (event.at.incarnation.expect("its own"), incarnation(log, at, peer));
                let (from, to) = if is_sent { (own, other) } else { (other, own) };
                let arrow = (from, to, event.sequence, format!("{message:?}"));
                Some((arrow, (event.at.node, peer.node)))
            })
        })
    };
    for (arrow, nodes) in arrows(true) {
        sent.entry(arrow).or_default().push_back(nodes);
    }
    for (arrow, _) in arrows(false) {
        let matching = sent.get_mut(&arrow).and_then(VecDeque::pop_front);
        assert!(matching.is_some(), "{arrow:?} was received and not sent");
    }
    sent.retain(|_, unmatched| !unmatched.is_empty());
    sent
}

type NodeIds = (Option<NodeId>, Option<NodeId>);

#[tokio::test]
async fn every_message_that_is_received_is_one_that_was_sent() {
    let nodes = [observed().await, observed().await, observed().await];
    let clients = [log(), log()];
    let addresses = || nodes.iter().map(|node| node.address.clone());
    let managers =
        clients.each_ref().map(|client| builder(client).nodes(addresses()).build().unwrap());
    for manager in &managers {
        let recorder = manager.recorder(Majority).unwrap();
        for number in 0..20 {
            recorder.note(item(number)).await.unwrap();
            recorder.record(item(number)).all().await.unwrap();
            let node = manager.node(1 + number as u32 % 3).unwrap();
            node.ask(text("fail")).await.unwrap_err();
            node.ask_beside(item(number)).await.unwrap();
        }
        recorder.watch(text("slowly")).next().await.unwrap().unwrap();
    }
    let logs = || {
        let all = clients.iter().chain(nodes.iter().map(|node| &node.log));
        all.map(|log| log.events()).collect::<Vec<_>>()
    };
    let stopped = |log: &Vec<Event>| kinds(log).iter().filter(|k| *k == "handler_stopped").count();
    let all_stopped = || logs().iter().map(stopped).sum::<usize>() == 6;
    eventually("every watch is stopped", all_stopped).await;
    eventually("all has come", || unmatched(&logs()).is_empty()).await;
    let is_request = |event: &&Event| matches!(event.kind, EventKind::Sent(Message::Request));
    let requests = logs().iter().flatten().filter(is_request).count();
    assert_eq!(requests, 2 * (20 * (3 + 3 + 1 + 1) + 3));
}
