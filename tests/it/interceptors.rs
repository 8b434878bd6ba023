//! What a client puts between its calls and the nodes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorum_runtime::{
    ClientInterceptor, Code, IncomingReply, Level, Majority, Manager, NodeError, NodeFailure,
    OutgoingRequest, QuorumErrorKind, Request, Status,
};
use quorum_tests::recorder::{
    Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _,
};
use quorum_tests::{PATIENCE, TestServer, cluster, eventually, item, text};

const RECORD: &str = "recorder.Recorder.Record";

/// Notes what passes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    /// What was noted, sorted, because nodes answer in any order.
    fn lines(&self) -> Vec<String> {
        let mut lines = self.0.lock().unwrap().clone();
        lines.sort();
        lines
    }
}

impl ClientInterceptor for Log {
    fn request(&self, request: &mut OutgoingRequest<'_>) -> Result<(), Status> {
        let item: Item = request.message()?;
        self.note(format!("{} {} to {}", request.method(), item.number, request.node().id()));
        Ok(())
    }

    fn reply(&self, reply: &mut IncomingReply<'_>) -> Result<(), Status> {
        let item: Item = reply.message()?;
        self.note(format!("{} {} from {}", reply.method(), item.number, reply.node().id()));
        Ok(())
    }

    fn failure(&self, method: &'static str, failure: &NodeFailure) {
        self.note(format!("{method} failed at {}: {}", failure.node, failure.error));
    }
}

#[tokio::test]
async fn requests_replies_and_failures_are_seen_for_each_node() {
    let (servers, manager) = cluster::<2>().await;
    let addresses = servers.iter().map(TestServer::address);
    let manager_of_three =
        Manager::builder().nodes(addresses).node(3, "127.0.0.1:1").timeout(PATIENCE);
    let log = Log::default();
    let three = manager_of_three.build().unwrap().recorder(Majority).unwrap();
    three.intercept(log.clone()).record(item(7)).all().await.unwrap_err();
    three.intercept(log.clone()).note(item(8)).await.unwrap_err();
    let lines = log.lines();
    let failed = "recorder.Recorder.Note failed at 3: cannot connect: connection refused";
    assert!(lines.contains(&failed.to_owned()), "{lines:?}");
    for line in ["Record 7 to 1", "Record 7 to 2", "Record 7 to 3", "Note 8 to 1", "Note 8 to 3"] {
        assert!(lines.contains(&format!("recorder.Recorder.{line}")), "{line}: {lines:?}");
    }
    assert!(
        !lines.iter().any(|line| line.contains("Note") && line.contains(" from ")),
        "a one-way message has no reply"
    );

    // The configuration that it was made of passes nothing through it.
    log.0.lock().unwrap().clear();
    three.record(item(9)).await.unwrap();
    manager.recorder(Majority).unwrap().intercept(log.clone()).record(item(1)).all().await.unwrap();
    assert_eq!(log.lines().len(), 4, "{:?}", log.lines());
}

#[tokio::test]
async fn a_request_and_a_reply_can_be_changed_for_one_node() {
    struct Change;
    impl ClientInterceptor for Change {
        fn request(&self, request: &mut OutgoingRequest<'_>) -> Result<(), Status> {
            let item: Item = request.message()?;
            let number = item.number + u64::from(request.node().id().get());
            request.set_message(&Item { number, ..item });
            Ok(())
        }
        fn reply(&self, reply: &mut IncomingReply<'_>) -> Result<(), Status> {
            let item: Item = reply.message()?;
            let text = format!("from {}", reply.node().id());
            reply.set_message(&Item { text, ..item });
            Ok(())
        }
    }
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap().intercept(Change);
    let mut call = recorder.record(item(10)).replies();
    while let Some(reply) = call.next().await {
        let id = reply.node.get();
        let expected = Item { number: 10 + u64::from(id), text: format!("from {id}") };
        assert_eq!(reply.result.unwrap(), expected);
    }
    for (at, server) in servers.iter().enumerate() {
        assert_eq!(server.recording().noted(), [11 + at as u64]);
    }
}

#[tokio::test]
async fn a_request_that_is_rejected_is_not_sent_and_the_call_goes_on_with_the_others() {
    let (servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let recorder = recorder.intercept(|request: &mut OutgoingRequest<'_>| {
        let allowed = request.node().id().get() != 2;
        allowed.then_some(()).ok_or_else(|| Status::permission_denied("not node 2"))
    });
    recorder.record(item(1)).await.unwrap();
    let error = recorder.record(item(2)).all().await.unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(failure.node.get(), 2);
    assert!(matches!(failure.error, NodeError::RequestRejected(_)), "{error}");
    assert_eq!(failure.error.code(), Code::PermissionDenied);
    assert!(
        error.to_string().contains("the request was rejected here: not node 2 (PermissionDenied)"),
        "{error}"
    );
    let error = recorder.note(item(3)).await.unwrap_err();
    assert_eq!(error.failures().len(), 1);
    eventually("the others have it", || servers[2].recording().noted() == [1, 2, 3]).await;
    assert_eq!(servers[1].recording().noted(), [0_u64; 0]);
}

#[tokio::test]
async fn a_rejected_reply_counts_towards_no_quorum() {
    struct Distrust(u32);
    impl ClientInterceptor for Distrust {
        fn reply(&self, reply: &mut IncomingReply<'_>) -> Result<(), Status> {
            let trusted = reply.node().id().get() > self.0;
            trusted.then_some(()).ok_or_else(|| Status::unauthenticated("forged"))
        }
    }
    let (_servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    recorder.intercept(Distrust(1)).record(item(1)).await.unwrap();
    let error = recorder.intercept(Distrust(2)).record(item(2)).await.unwrap_err();
    assert_eq!(*error.kind(), QuorumErrorKind::NoQuorum);
    let rejected = |failure: &NodeFailure| matches!(failure.error, NodeError::ReplyRejected(_));
    assert!(error.failures().iter().all(rejected), "{error}");
    assert_eq!(error.failures().len(), 2);
}

#[tokio::test]
async fn a_node_that_streams_is_stopped_by_a_rejected_reply_and_what_it_said_stands() {
    struct Third(AtomicUsize);
    impl ClientInterceptor for Third {
        fn reply(&self, _: &mut IncomingReply<'_>) -> Result<(), Status> {
            let third = self.0.fetch_add(1, Ordering::Relaxed) == 2;
            if third { Err(Status::data_loss("garbled")) } else { Ok(()) }
        }
    }
    let ([server], manager) = cluster::<1>().await;
    let recorder = manager.recorder(Watching).unwrap().intercept(Third(AtomicUsize::new(0)));
    let mut watch = recorder.watch(item(1));
    assert_eq!(watch.next().await.unwrap().unwrap().number, 1);
    let error = tokio::time::timeout(PATIENCE, async {
        while let Some(level) = watch.next().await {
            level?;
        }
        Ok::<_, quorum_runtime::QuorumError>(())
    });
    let error = error.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("garbled (DataLoss)"), "{error}");
    eventually("the handler was stopped", || server.recording().watches() == (1, 1)).await;
}

#[tokio::test]
async fn map_replies_sees_each_reply_before_the_quorum_function_does() {
    let (_servers, manager) = cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let mapped = |item| {
        recorder.record(item).map_replies(|node, item, _| match node.get() {
            2 => Err(Status::unauthenticated("forged")),
            _ => Ok(Item { number: item.number + 1, ..item }),
        })
    };
    let twice =
        mapped(item(1)).map_replies(|_, item, _| Ok(Item { number: item.number * 10, ..item }));
    assert_eq!(twice.await.unwrap().number, 20);
    let error = mapped(item(1)).all().await.unwrap_err();
    assert_eq!(error.failures()[0].node.get(), 2);
    assert!(matches!(error.failures()[0].error, NodeError::ReplyRejected(_)), "{error}");
    let mut replies = mapped(item(5)).replies();
    while let Some(reply) = replies.next().await {
        assert_eq!(reply.result.map(|item| item.number).ok(), (reply.node.get() != 2).then_some(6));
    }
}

struct Watching;

impl quorum_tests::recorder::RecorderQuorumSpec for Watching {
    fn watch(
        &self,
        _: &Item,
        replies: &quorum_runtime::Replies<Item>,
    ) -> quorum_runtime::Verdict<Level<Item>> {
        let number = u32::try_from(replies.len()).unwrap();
        replies.values().last().map(|item| Level::new(number, item.clone())).into()
    }
}

#[tokio::test]
async fn map_replies_of_a_correctable_stops_the_node_whose_reply_it_rejects() {
    let ([server], manager) = cluster::<1>().await;
    let recorder = manager.recorder(Watching).unwrap();
    let rejecting = recorder.watch(item(1)).map_replies(|_, _, _| Err(Status::data_loss("no")));
    let error = tokio::time::timeout(PATIENCE, rejecting.into_future()).await.unwrap().unwrap_err();
    assert!(matches!(error.failures()[0].error, NodeError::ReplyRejected(_)), "{error}");
    eventually("the handler was stopped", || server.recording().watches() == (1, 1)).await;
}

#[tokio::test]
async fn a_delayed_message_comes_late_and_what_is_behind_it_stays_behind_it() {
    const DELAY: Duration = Duration::from_secs(1);
    let (servers, manager) = cluster::<2>().await;
    let recorder = manager.recorder(Majority).unwrap();
    recorder.record(item(0)).await.unwrap();
    let slow = recorder.intercept(|request: &mut OutgoingRequest<'_>| {
        if request.node().id().get() == 1 {
            request.delay(DELAY / 3);
            request.delay(DELAY - DELAY / 3);
        }
        Ok(())
    });
    let begun = tokio::time::Instant::now();
    let first = slow.record(item(1));
    let second = recorder.record(item(2));
    recorder.only([2]).unwrap().record(item(3)).first().await.unwrap();
    assert!(begun.elapsed() < DELAY, "node 2 waits for nobody: {:?}", begun.elapsed());
    assert_eq!(servers[0].recording().noted(), [0]);
    second.all().await.unwrap();
    assert!(begun.elapsed() >= DELAY, "took {:?}", begun.elapsed());
    first.all().await.unwrap();
    assert_eq!(servers[0].recording().noted(), [0, 1, 2]);
    assert_eq!(servers[1].recording().noted(), [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_delayed_message_that_is_cancelled_or_late_holds_nobody_up() {
    let ([server], manager) = cluster::<1>().await;
    let recorder = manager.recorder(Majority).unwrap();
    recorder.record(item(0)).await.unwrap();
    let frozen = recorder.intercept(|request: &mut OutgoingRequest<'_>| {
        request.delay(Duration::from_secs(3600));
        Ok(())
    });
    let held = frozen.record(item(1));
    let behind = recorder.record(item(2));
    held.cancel();
    tokio::time::timeout(PATIENCE, behind.into_future()).await.unwrap().unwrap();
    let mut request = Request::new(item(3));
    request.set_timeout(Duration::from_millis(50));
    let (late, behind) = (frozen.record(request), recorder.record(item(4)));
    let error = late.await.unwrap_err();
    assert!(matches!(error.kind(), QuorumErrorKind::Deadline(_)), "{error}");
    tokio::time::timeout(PATIENCE, behind.into_future()).await.unwrap().unwrap();
    assert_eq!(server.recording().noted(), [0, 2, 4]);
}

#[tokio::test]
async fn the_first_interceptor_is_the_outermost_and_that_of_the_manager_is_outside_of_all() {
    struct Named(&'static str, Log);
    impl ClientInterceptor for Named {
        fn request(&self, _: &mut OutgoingRequest<'_>) -> Result<(), Status> {
            self.1.note(format!("> {}", self.0));
            Ok(())
        }
        fn reply(&self, _: &mut IncomingReply<'_>) -> Result<(), Status> {
            self.1.note(format!("< {}", self.0));
            Ok(())
        }
    }
    let server = TestServer::start().await;
    let log = Log::default();
    let named = |name| Named(name, log.clone());
    let builder = Manager::builder().nodes([server.address()]).intercept(named("manager"));
    let manager = builder.build().unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    let recorder = recorder.intercept(named("one")).intercept(named("two"));
    recorder.record(item(1)).await.unwrap();
    let passed = std::mem::take(&mut *log.0.lock().unwrap());
    assert_eq!(passed, ["> manager", "> one", "> two", "< two", "< one", "< manager"]);
    manager.node(1).unwrap().ask(item(2)).await.unwrap();
    assert_eq!(*log.0.lock().unwrap(), ["> manager", "< manager"]);
}

#[tokio::test]
async fn a_panic_in_an_interceptor_is_the_callers_own_and_the_next_call_works() {
    let (servers, manager) = cluster::<1>().await;
    let panics = |request: &mut OutgoingRequest<'_>| -> Result<(), Status> {
        let item: Item = request.message()?;
        assert!(item.text.is_empty(), "told to");
        Ok(())
    };
    let recorder = manager.recorder(Majority).unwrap().intercept(panics);
    let call = std::panic::AssertUnwindSafe(|| drop(recorder.record(text("panic"))));
    assert!(std::panic::catch_unwind(call).is_err());
    recorder.record(item(2)).await.unwrap();
    assert_eq!(servers[0].recording().noted(), [2]);
}

#[tokio::test]
async fn the_payload_that_is_too_large_is_that_of_the_interceptor() {
    let (_servers, manager) = cluster::<1>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let recorder = recorder.intercept(|request: &mut OutgoingRequest<'_>| {
        assert_eq!(request.method(), RECORD);
        request.set_payload(vec![0; 5 * 1024 * 1024]);
        Ok(())
    });
    let error = recorder.record(item(1)).await.unwrap_err();
    assert!(matches!(error.failures()[0].error, NodeError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_session_passes_through_the_interceptors_when_it_opens() {
    let server = TestServer::start().await;
    let refuses = |request: &mut OutgoingRequest<'_>| {
        assert_eq!(request.method(), "recorder.Recorder.Chat");
        assert!(request.payload().is_empty());
        Err::<(), _>(Status::permission_denied("no chats"))
    };
    let builder = Manager::builder().nodes([server.address()]).intercept(refuses);
    let manager = builder.build().unwrap();
    let mut chat = manager.node(1).unwrap().chat();
    let error = chat.next().await.unwrap().unwrap_err();
    assert!(matches!(error.failure().error, NodeError::RequestRejected(_)), "{error}");
}
