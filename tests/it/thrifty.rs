//! Thrifty calls contact a quorum first, and others as they are needed.

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use quorum_runtime::{
    Configuration, Level, Majority, Manager, NodeError, QuorumErrorKind, Request, Threshold,
};
use quorum_tests::recorder::{RecorderConfiguration as _, RecorderManager as _, RecorderNode as _};
use quorum_tests::{PATIENCE, TestServer, cluster, eventually, item, text};
use tokio::time::Instant;

/// Longer than a call to nodes that are well.
const DELAY: Duration = Duration::from_millis(400);

/// A configuration that contacts nobody because somebody is late.
fn patient(manager: &Manager) -> Configuration<Majority> {
    manager.recorder(Majority).unwrap().thrifty(Majority, PATIENCE)
}

/// What each server was asked. Nothing of what was sent before is still on its way.
async fn noted<const N: usize>(servers: &[TestServer; N], manager: &Manager) -> [Vec<u64>; N] {
    manager.recorder(Majority).unwrap().record(item(99)).all().await.unwrap();
    servers.each_ref().map(|server| {
        let mut noted = server.recording().noted();
        assert_eq!(noted.pop(), Some(99));
        noted
    })
}

#[tokio::test]
async fn three_of_five_are_contacted_when_all_is_well() {
    let (servers, manager) = cluster::<5>().await;
    let thrifty = patient(&manager);
    assert_eq!((thrifty.targets().len(), thrifty.members().len()), (5, 5));
    assert_eq!(thrifty.record(item(1)).await.unwrap().number, 1);
    let [a, b, c, d, e] = noted(&servers, &manager).await;
    assert_eq!([a, b, c], [[1], [1], [1]]);
    assert_eq!([d, e], [[0; 0], []]);
    for number in 0..100 {
        thrifty.record(item(number)).await.unwrap();
    }
    let asked: usize = noted(&servers, &manager).await.iter().map(Vec::len).sum();
    assert_eq!(asked, 3 + 5 + 300);
}

#[tokio::test]
async fn the_others_are_connected_meanwhile() {
    let (_servers, manager) = cluster::<5>().await;
    patient(&manager).record(item(1)).await.unwrap();
    let connected = || manager.nodes().iter().all(|node| node.connection_state().is_connected());
    eventually("five connections", connected).await;
}

#[tokio::test]
async fn one_more_is_contacted_for_one_that_hangs_when_the_delay_has_passed() {
    let (servers, manager) = cluster::<5>().await;
    let stuck = manager.node(1).unwrap().ask(text("wait"));
    let thrifty = manager.recorder(Majority).unwrap().thrifty(Majority, DELAY);
    let begun = Instant::now();
    thrifty.record(item(1)).await.unwrap();
    let took = begun.elapsed();
    assert!(took >= DELAY && took < 2 * DELAY, "took {took:?}");
    servers[0].recording().open(1);
    stuck.await.unwrap();
    let expected = [vec![0, 1], vec![1], vec![1], vec![1], vec![]];
    assert_eq!(noted(&servers, &manager).await, expected);
}

#[tokio::test]
async fn one_more_is_contacted_after_each_further_delay() {
    let (servers, manager) = cluster::<4>().await;
    let recorder = manager.recorder(Majority).unwrap();
    // Nobody is connected yet, so they are asked in this order. The third answers.
    servers[2].recording().open(1);
    let begun = Instant::now();
    recorder.thrifty(Threshold(1), DELAY).record(text("wait")).first().await.unwrap();
    let took = begun.elapsed();
    assert!(took >= 2 * DELAY && took < 4 * DELAY, "took {took:?}");
    servers[0].recording().open(1);
    servers[1].recording().open(1);
    let expected = [vec![0], vec![0], vec![0], vec![]];
    assert_eq!(noted(&servers, &manager).await, expected);
}

#[tokio::test]
async fn a_node_that_was_never_asked_is_tried_and_one_that_then_hangs_is_not_tried_again() {
    let (servers, manager) = cluster::<4>().await;
    let thrifty = manager.recorder(Majority).unwrap().thrifty(Threshold(1), DELAY);
    thrifty.record(item(1)).first().await.unwrap();
    let connected = || manager.nodes().iter().all(|node| node.connection_state().is_connected());
    eventually("four connections", connected).await;
    for _ in 2..=4 {
        thrifty.record(item(1)).first().await.unwrap();
    }
    assert_eq!(servers.each_ref().map(|server| server.recording().noted()), [[1]; 4]);
    assert!(manager.nodes().iter().all(|node| node.latency().is_some()));
    // Whoever is the fastest gets stuck, and another one is found.
    thrifty.record(text("wait")).first().now_or_never();
    let begun = Instant::now();
    for number in 2..=4 {
        thrifty.record(item(number)).first().await.unwrap();
    }
    assert!(begun.elapsed() < 2 * DELAY, "took {:?}", begun.elapsed());
    servers.iter().for_each(|server| server.recording().open(1));
}

#[tokio::test]
async fn one_that_is_dead_is_replaced_at_once() {
    let (mut servers, manager) = cluster::<5>().await;
    servers[1].kill();
    let begun = Instant::now();
    patient(&manager).record(item(1)).await.unwrap();
    assert!(begun.elapsed() < PATIENCE / 4, "took {:?}", begun.elapsed());
    assert_eq!(servers[3].recording().noted(), [1]);
    manager.node(5).unwrap().ask(item(2)).await.unwrap();
    assert_eq!(servers[4].recording().noted(), [2], "one was enough");
}

#[tokio::test]
async fn one_that_dies_during_the_call_is_replaced_at_once() {
    let (mut servers, manager) = cluster::<3>().await;
    let stuck = manager.node(1).unwrap().ask(text("wait"));
    let thrifty = patient(&manager);
    let call = thrifty.record(item(1)).into_future();
    let call = tokio::spawn(call);
    eventually("the answer of node 2", || servers[1].recording().noted() == [1]).await;
    servers[0].kill();
    stuck.await.unwrap_err();
    call.await.unwrap().unwrap();
    assert_eq!(servers[2].recording().noted(), [1]);
}

#[tokio::test]
async fn a_message_that_was_refused_is_sent_to_another() {
    let (servers, _) = cluster::<3>().await;
    let manager = Manager::builder()
        .nodes(servers.iter().map(TestServer::address))
        .timeout(PATIENCE)
        .queue_limits(1, 1024)
        .build()
        .unwrap();
    let stuck = manager.node(1).unwrap().ask(text("wait"));
    patient(&manager).record(item(1)).await.unwrap();
    servers[0].recording().open(1);
    stuck.await.unwrap();
    assert_eq!(servers.each_ref().map(|server| server.recording().noted().len()), [1, 1, 1]);
}

#[tokio::test]
async fn all_are_contacted_in_the_end_and_the_error_names_all() {
    let (mut servers, manager) = cluster::<5>().await;
    servers.iter_mut().for_each(TestServer::kill);
    let thrifty = patient(&manager);
    let error = thrifty.record(item(1)).first().await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::NoQuorum);
    let failed = error.failures().iter().map(|failure| failure.node.get());
    assert_eq!(failed.collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let refused = |error: &NodeError| matches!(error, NodeError::Unreachable(_));
    assert!(error.failures().iter().all(|failure| refused(&failure.error)), "{error}");
    // With a majority the third failure is the last that matters.
    let error = thrifty.record(item(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.failures().len()), (&QuorumErrorKind::NoQuorum, 3));
}

#[tokio::test]
async fn a_deadline_names_those_that_were_contacted() {
    let (servers, manager) = cluster::<5>().await;
    let stuck: Vec<_> = manager.nodes().iter().map(|node| node.ask(text("wait"))).collect();
    let recorder = manager.recorder(Majority).unwrap();
    let request = || {
        let mut request = Request::new(item(1));
        request.set_timeout(DELAY);
        request
    };
    let error = recorder.thrifty(Majority, PATIENCE).record(request()).await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::Deadline(DELAY));
    assert_eq!((error.replied(), error.failures().len()), (0, 3), "{error}");
    assert_eq!(recorder.without_failed(&error).targets().len(), 2, "those may be tried");
    let hedged = recorder.thrifty(Majority, DELAY / 10);
    let error = hedged.record(request()).await.unwrap_err();
    assert_eq!((error.replied(), error.failures().len()), (0, 5), "{error}");
    servers.iter().for_each(|server| server.recording().open(1));
    for call in stuck {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn targets_that_hold_no_quorum_fail_at_once() {
    let (_servers, manager) = cluster::<5>().await;
    let two = patient(&manager).only([1, 2]).unwrap();
    let error = two.record(item(1)).await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::TargetsHoldNoQuorum);
    // Whoever is contacted first, it is told of all that could be.
    let error = two.thrifty(Threshold(1), PATIENCE).record(item(1)).await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::TargetsHoldNoQuorum);
    assert!(error.to_string().ends_with("they are 2 of 5 members"), "{error}");
}

#[tokio::test]
async fn a_configuration_of_other_members_is_thrifty_too() {
    let (servers, manager) = cluster::<5>().await;
    let three = patient(&manager).with_members([3, 4, 5]).unwrap();
    three.record(item(1)).await.unwrap();
    let expected = [vec![], vec![], vec![1], vec![1], vec![]];
    assert_eq!(noted(&servers, &manager).await, expected);
}

#[tokio::test]
async fn another_is_contacted_when_those_that_were_do_not_decide() {
    let (servers, manager) = cluster::<5>().await;
    let four = patient(&manager)
        .record(item(1))
        .decide(|_, replies| (replies.len() == 4).then_some(()).into());
    four.await.unwrap();
    assert_eq!(noted(&servers, &manager).await.map(|noted| noted.len()), [1, 1, 1, 1, 0]);
    let mut call = patient(&manager).record(item(2));
    call.result().await.unwrap();
    let mut late = 0;
    while let Some(reply) = call.next().await {
        reply.result.unwrap();
        late += 1;
    }
    assert_eq!(late, 2, "whoever asks for more gets the replies of all");
}

#[tokio::test]
async fn replies_and_levels_are_of_as_many_as_are_asked_for() {
    let (servers, manager) = cluster::<5>().await;
    let thrifty = patient(&manager);
    let some: Vec<_> = thrifty.record(item(1)).replies().take(4).collect().await;
    assert_eq!(some.len(), 4);
    assert_eq!(noted(&servers, &manager).await.map(|noted| noted.len()), [1, 1, 1, 1, 0]);
    assert_eq!(thrifty.record(item(2)).replies().count().await, 5);

    let mut levels = thrifty.record(item(3)).levels(|_, replies| {
        let number = u32::try_from(replies.len()).unwrap();
        replies.values().last().map(|reply| Level::new(number, reply.clone())).into()
    });
    assert_eq!(levels.level(3).await.unwrap().number, 3);
    drop(levels);
    let count = |number| move |noted: Vec<u64>| noted.iter().filter(|&&n| n == number).count();
    let asked = noted(&servers, &manager).await.map(count(3));
    assert_eq!(asked.iter().sum::<usize>(), 3);
    let mut call = thrifty.record(item(4)).correctable();
    assert!(call.level(5).await.unwrap().is_last);
}

#[tokio::test]
async fn whoever_reads_the_replies_need_not_wait_for_one_that_hangs_when_another_fails() {
    let (mut servers, manager) = cluster::<4>().await;
    servers[0].kill();
    let stuck = manager.node(2).unwrap().ask(text("wait"));
    let only = manager.recorder(Majority).unwrap().only([1, 2, 3]).unwrap();
    let replies = only.thrifty(Threshold(2), PATIENCE).record(item(1)).replies();
    let outcomes: Vec<_> = replies.take(2).map(|reply| reply.node.get()).collect().await;
    assert_eq!(outcomes, [1, 3]);
    servers[1].recording().open(1);
    stuck.await.unwrap();
}

#[tokio::test]
async fn multicasts_and_streams_go_to_all() {
    let (servers, manager) = cluster::<5>().await;
    let thrifty = patient(&manager);
    drop(thrifty.note(item(1))); // whoever awaits it would send the rest
    assert_eq!(noted(&servers, &manager).await, [[1]; 5]);
    let watch = thrifty.watch(item(2));
    let all = || servers.iter().all(|server| server.recording().watches().0 == 1);
    eventually("a watch at each", all).await;
    drop(watch);
}

#[tokio::test]
async fn calling_is_sending_to_the_first_and_nobody_else() {
    let (mut servers, manager) = cluster::<3>().await;
    servers[0].kill();
    drop(patient(&manager).record(item(1)));
    eventually("the message at node 2", || servers[1].recording().noted() == [1]).await;
    let failed =
        || matches!(manager.nodes()[0].connection_state().to_string(), s if s.starts_with("dis"));
    eventually("the failure of node 1", failed).await;
    manager.node(3).unwrap().ask(item(2)).await.unwrap();
    assert_eq!(servers[2].recording().noted(), [2]);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_forgotten_where_it_was_sent() {
    let (servers, _) = cluster::<3>().await;
    let manager = Manager::builder()
        .nodes(servers.iter().map(TestServer::address))
        .timeout(PATIENCE)
        .queue_limits(4, 1024 * 1024)
        .build()
        .unwrap();
    let stuck = [1, 2, 3].map(|node| manager.node(node).unwrap().ask(text("wait")));
    let thrifty = manager.recorder(Majority).unwrap().thrifty(Majority, Duration::ZERO);
    for number in 0..10 {
        let mut request = Request::new(item(number));
        request.set_timeout(Duration::from_millis(20));
        let error = thrifty.record(request).await.unwrap_err();
        let overloaded = |error: &NodeError| matches!(error, NodeError::Overloaded { .. });
        assert!(!error.failures().iter().any(|failure| overloaded(&failure.error)), "{error}");
    }
    servers.iter().for_each(|server| server.recording().open(1));
    for call in stuck {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_node_that_became_slow_is_contacted_last() {
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    for number in 0..10 {
        recorder.record(item(number)).all().await.unwrap();
    }
    let slow = manager.node(2).unwrap().ask(text("wait"));
    let estimate = || manager.node(2).unwrap().latency();
    eventually("a long wait", || estimate() > Some(Duration::from_millis(200))).await;
    let order = |configuration: &Configuration<_>| {
        configuration.fastest(3).targets().iter().map(|node| node.id().get()).collect::<Vec<_>>()
    };
    assert_eq!(order(&recorder)[2], 2, "although it has not answered yet");
    patient(&manager).record(item(10)).await.unwrap();
    servers[1].recording().open(1);
    slow.await.unwrap();
    assert_eq!(order(&recorder)[2], 2, "and after it has");
    assert!(!servers[1].recording().noted().contains(&10));
    assert!(servers[2].recording().noted().contains(&10));
}

#[tokio::test]
async fn a_node_that_is_gone_is_contacted_last() {
    let (mut servers, manager) = cluster::<3>().await;
    patient(&manager).record(item(0)).all().await.unwrap();
    servers[0].kill();
    let is_gone = || !manager.nodes()[0].connection_state().is_connected();
    eventually("the broken connection", is_gone).await;
    let begun = Instant::now();
    patient(&manager).record(item(1)).await.unwrap();
    assert!(begun.elapsed() < PATIENCE / 4);
    assert!([1, 2].iter().all(|&at: &usize| servers[at].recording().noted() == [0, 1]));
}

/// The service of the test servers with other options, and with a reply that not all can read.
mod other {
    use quorum_tests::recorder::Item;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Strict {
        #[prost(uint64, tag = "1")]
        pub number: u64,
        #[prost(message, optional, tag = "2")]
        pub text: Option<()>,
    }

    #[quorum_macros::service(package = "recorder")]
    pub trait Recorder {
        #[call(quorumcall, per_node_arg)]
        async fn record(&self, item: Item) -> Strict;

        #[call(correctable)]
        async fn ask(&self, item: Item) -> Item;
    }
}

#[tokio::test]
async fn messages_per_node_are_made_by_the_call_for_each_target() {
    let (servers, manager) = cluster::<5>().await;
    let thrifty = manager.configuration(Majority).unwrap().thrifty(Majority, PATIENCE);
    let mut made = Vec::new();
    let call = other::RecorderConfiguration::record(&thrifty, item(10), |item, node| {
        made.push(node.get());
        let number = item.number + u64::from(node.get());
        (node.get() != 2).then(|| quorum_tests::item(number))
    });
    made.sort_unstable();
    assert_eq!(made, [1, 2, 3, 4, 5]);
    call.decide(|_, replies| (replies.len() == 4).then_some(()).into()).await.unwrap();
    let expected = [vec![11], vec![], vec![13], vec![14], vec![15]];
    assert_eq!(noted(&servers, &manager).await, expected);
}

#[tokio::test]
async fn one_whose_reply_can_not_be_read_is_replaced_at_once() {
    let (servers, manager) = cluster::<3>().await;
    let thrifty = manager.configuration(Majority).unwrap().thrifty(Majority, PATIENCE);
    // Node 2 does not answer in time, so it is not the lack of replies that makes the call go on.
    let stuck = manager.node(2).unwrap().ask(text("wait"));
    let call = other::RecorderConfiguration::record(&thrifty, item(1), |_, node| {
        Some(if node.get() == 1 { text("\u{7}") } else { item(1) })
    });
    let call = tokio::spawn(call.into_future());
    eventually("the message at node 3", || servers[2].recording().noted() == [1]).await;
    servers[1].recording().open(1);
    stuck.await.unwrap();
    assert_eq!(call.await.unwrap().unwrap().number, 1);
}

#[tokio::test]
async fn a_correctable_that_is_answered_once_by_each_is_thrifty() {
    let (servers, manager) = cluster::<5>().await;
    let thrifty = manager.configuration(Majority).unwrap().thrifty(Majority, PATIENCE);
    let levels: Vec<_> = other::RecorderConfiguration::ask(&thrifty, item(1)).collect().await;
    assert_eq!(levels.len(), 3);
    assert_eq!(noted(&servers, &manager).await.map(|noted| noted.len()), [1, 1, 1, 0, 0]);
}
