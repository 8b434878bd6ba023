//! Ordered sessions with one node.

use std::time::Duration;

use quorum_runtime::{Code, Majority, NodeError, RpcError, Session};
use quorum_tests::recorder::{Item, RecorderNode as _};
use quorum_tests::{PATIENCE, cluster, eventually, item, text};

/// What comes next, if anything comes.
async fn next(session: &mut Session<Item, Item>) -> Option<Result<Item, RpcError>> {
    tokio::time::timeout(PATIENCE, session.next()).await.expect("something comes")
}

#[tokio::test]
async fn messages_go_both_ways_in_order_and_the_client_speaks_first() {
    let ([server], manager) = cluster::<1>().await;
    let mut session = manager.node(1).unwrap().chat();
    for number in 1..=1000 {
        session.send(item(number)).await.unwrap();
        assert_eq!(next(&mut session).await.unwrap().unwrap().number, number);
    }
    session.finish();
    assert!(next(&mut session).await.is_none(), "the node ends when the client has");
    assert!(next(&mut session).await.is_none(), "and stays so");
    assert!(server.recording().noted().into_iter().eq(1..=1000));
}

#[tokio::test]
async fn the_node_may_answer_when_the_client_has_said_all() {
    let (_servers, manager) = cluster::<1>().await;
    let mut session = manager.node(1).unwrap().chat();
    session.send(text("count")).await.unwrap();
    for number in 1..=10 {
        session.send(item(number)).await.unwrap();
    }
    session.finish();
    assert_eq!(next(&mut session).await.unwrap().unwrap().number, 55);
    assert!(next(&mut session).await.is_none());
    assert!(matches!(session.send(item(1)).await.unwrap_err().failure().error, NodeError::Closed));
}

#[tokio::test]
async fn a_session_without_a_word_ends_well() {
    let (_servers, manager) = cluster::<1>().await;
    let mut session = manager.node(1).unwrap().chat();
    session.finish();
    assert_eq!(next(&mut session).await.unwrap().unwrap().text, "nothing came");
    assert!(next(&mut session).await.is_none());
}

#[tokio::test]
async fn the_status_that_the_node_ends_with_is_seen() {
    let ([server], manager) = cluster::<1>().await;
    for (word, code, message) in [
        ("refuse", Code::PermissionDenied, "not with you (PermissionDenied)"),
        ("panic", Code::Internal, "the handler panicked: told to (Internal)"),
    ] {
        let mut session = manager.node(1).unwrap().chat();
        session.send(text(word)).await.unwrap();
        let error = next(&mut session).await.unwrap().unwrap_err();
        assert_eq!(error.failure().error.code(), code);
        assert_eq!(
            error.to_string(),
            format!("recorder.Recorder.Chat failed at node 1 ({}): {message}", server.address())
        );
        assert!(next(&mut session).await.is_none());
    }
}

#[tokio::test]
async fn messages_over_the_limit_are_refused_on_either_side() {
    let (_servers, manager) = cluster::<1>().await;
    let mut session = manager.node(1).unwrap().chat();
    let large = text(&"x".repeat(5 * 1024 * 1024));
    let refused = session.send(large).await.unwrap_err();
    assert!(matches!(refused.failure().error, NodeError::TooLarge { .. }), "{refused}");
    session.send(text("large")).await.unwrap();
    let error = next(&mut session).await.unwrap().unwrap_err();
    assert_eq!(error.failure().error.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn a_session_that_is_dropped_is_cancelled_at_the_node() {
    let ([server], manager) = cluster::<1>().await;
    let mut session = manager.node(1).unwrap().chat();
    session.send(item(1)).await.unwrap();
    next(&mut session).await.unwrap().unwrap();
    assert_eq!(server.recording().sessions_ended(), 0);
    drop(session);
    eventually("the handler ends", || server.recording().sessions_ended() == 1).await;
}

#[tokio::test]
async fn a_node_that_does_not_read_holds_the_sender_and_nobody_else() {
    let ([server], manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    let mut session = node.chat();
    session.send(text("deaf")).await.unwrap();
    let mut large = item(1);
    large.text = "x".repeat(512 * 1024);
    let mut sent = 0_u32;
    while tokio::time::timeout(Duration::from_millis(300), session.send(large.clone()))
        .await
        .is_ok()
    {
        sent += 1;
        assert!(sent < 100, "50 MiB were sent to a node that reads nothing");
    }
    assert!(sent > 2, "some are on their way: {sent}");
    assert_eq!(node.ask(item(7)).await.unwrap().number, 7, "other calls go on");
    server.recording().open(1);
    assert!(next(&mut session).await.is_none());
}

#[tokio::test]
async fn a_session_ends_with_its_connection() {
    let ([mut server], manager) = cluster::<1>().await;
    let node = manager.node(1).unwrap();
    let mut session = node.chat();
    session.send(item(1)).await.unwrap();
    next(&mut session).await.unwrap().unwrap();
    server.kill();
    let error = next(&mut session).await.unwrap().unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Disconnected(_)), "{error}");
    let error = node.chat().next().await.unwrap().unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Unreachable(_)), "{error}");
    server.restart().await;
    manager.ready(&Majority).await.unwrap();
    let mut session = node.chat();
    session.send(item(2)).await.unwrap();
    assert_eq!(next(&mut session).await.unwrap().unwrap().number, 2);
}

#[tokio::test]
async fn a_server_that_stops_ends_its_sessions() {
    let ([mut server], manager) = cluster::<1>().await;
    let mut session = manager.node(1).unwrap().chat();
    session.send(item(1)).await.unwrap();
    next(&mut session).await.unwrap().unwrap();
    let begun = tokio::time::Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < PATIENCE / 4, "took {:?}", begun.elapsed());
    let error = next(&mut session).await.unwrap().unwrap_err();
    assert_eq!(error.failure().error.code(), Code::Unavailable, "{error}");
}

#[tokio::test]
async fn the_two_directions_can_be_held_by_two_tasks() {
    let (_servers, manager) = cluster::<1>().await;
    let (mut sender, mut receiver) = manager.node(1).unwrap().chat().split();
    let sending = tokio::spawn(async move {
        for number in 0..10_000 {
            sender.send(item(number)).await.unwrap();
        }
    });
    for number in 0..10_000 {
        assert_eq!(receiver.next().await.unwrap().unwrap().number, number);
    }
    assert!(receiver.next().await.is_none());
    sending.await.unwrap();
}
