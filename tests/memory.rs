//! Promise 5 by the byte: what a peer can make a process allocate, counted by its allocator. The
//! process holds both ends, and what is counted is both.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use peak_alloc::PeakAlloc;
use quorum_runtime::{Level, Majority, NodeError, Replies, Request, Verdict};
use quorum_tests::raw::{RawServer, raw_channel, raw_stream};
use quorum_tests::recorder::{
    Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _, RecorderQuorumSpec,
};
use quorum_tests::{
    Frame, PATIENCE, Proxy, TestServer, Traffic, builder, eventually, item, manager, storm,
};
use tokio::sync::{Mutex, MutexGuard};
use tonic::metadata::MetadataKey;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Counts for one test at a time.
struct Counting {
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Counting {
    async fn begin() -> Self {
        static ALONE: Mutex<()> = Mutex::const_new(());
        let alone = ALONE.lock().await;
        HEAP.reset_peak_usage();
        Self { before: HEAP.current_usage(), _alone: alone }
    }

    /// Most bytes there ever were, beyond those at the beginning.
    fn peak(&self) -> usize {
        HEAP.peak_usage().saturating_sub(self.before)
    }

    /// Bytes that are there now, beyond those at the beginning.
    fn now(&self) -> usize {
        HEAP.current_usage().saturating_sub(self.before)
    }

    fn assert_peak_below(&self, limit: usize) {
        assert!(self.peak() < limit, "{} KiB, and {} may be", self.peak() / KIB, limit / KIB);
    }
}

fn large(number: u64, bytes: usize) -> Item {
    Item { number, text: "x".repeat(bytes) }
}

#[tokio::test]
async fn a_client_holds_no_more_than_its_queue_for_a_node_that_reads_nothing() {
    let heap = Counting::begin().await;
    let server = TestServer::start().await;
    let proxy = Proxy::start(&server.address()).await;
    let manager = builder([proxy.address()]).queue_limits(10_000, 4 * MIB).build().unwrap();
    let node = manager.node(1).unwrap();
    node.ask(item(1)).await.unwrap();
    proxy.set(Traffic::Hold);
    for number in 0..10_000 {
        drop(node.tell(large(number, 16 * KIB)));
        drop(node.ask(large(number, 16 * KIB)));
        if number % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let error = node.ask(large(0, 64 * KIB)).await.unwrap_err();
    assert!(matches!(error.failure().error, NodeError::Overloaded { .. }), "{error}");
    // 320 MB were asked for.
    heap.assert_peak_below(16 * MIB);
}

#[tokio::test]
async fn small_messages_and_metadata_count_with_what_they_take_in_memory() {
    for (messages, entries) in [(50_000, 0), (10_000, 50)] {
        let heap = Counting::begin().await;
        let server = TestServer::start().await;
        let proxy = Proxy::start(&server.address()).await;
        let manager = builder([proxy.address()]).queue_limits(1_000_000, 4 * MIB).build().unwrap();
        let node = manager.node(1).unwrap();
        node.ask(item(1)).await.unwrap();
        proxy.set(Traffic::Hold);
        // What is sent of them has room for nearly all.
        for number in 0..messages {
            let mut request = Request::new(item(number));
            for entry in 0..entries {
                let key: MetadataKey<_> = format!("{entry}").parse().unwrap();
                request.metadata_mut().insert(key, "v".parse().unwrap());
            }
            drop(node.tell(request));
            if heap.now() > 8 * MIB {
                break;
            }
        }
        heap.assert_peak_below(8 * MIB);
    }
}

#[tokio::test]
async fn a_client_holds_no_more_than_its_limit_of_requests_that_are_not_answered() {
    let heap = Counting::begin().await;
    let server = TestServer::start().await;
    let manager = builder([server.address()]).queue_limits(1000, 64 * MIB).build().unwrap();
    let node = manager.node(1).unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    let stuck = node.ask(quorum_tests::waiting(0)).into_future();
    eventually("the handler waits", || server.recording().waited() == 1).await;
    for number in 0..100_000 {
        drop(node.ask(item(number)));
        drop(recorder.record(item(number)));
        drop(node.ask_again(item(number)));
        if number % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    heap.assert_peak_below(16 * MIB);
    server.recording().open(1);
    stuck.await.unwrap();
}

/// No reply is ever enough.
struct Insatiable;

impl RecorderQuorumSpec for Insatiable {
    fn watch(&self, _: &Item, _: &Replies<Item>) -> Verdict<Level<Item>> {
        Verdict::Pending
    }
}

#[tokio::test]
async fn a_client_holds_few_replies_that_nobody_reads_and_stops_their_node() {
    let heap = Counting::begin().await;
    let is_stopped = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&is_stopped);
    let server = RawServer::start(
        || true,
        move |mut requests, said| {
            let stopped = Arc::clone(&stopped);
            async move {
                let request = Frame::received(requests.message().await.unwrap().unwrap());
                let reply = Frame::new(request.sequence, "", &large(1, 256 * KIB)).bytes();
                let flooding = async { while said.send(Ok(reply.clone())).await.is_ok() {} };
                tokio::select! { biased;
                    cancel = requests.message() => {
                        let cancel = Frame::received(cancel.unwrap().unwrap());
                        stopped.store(cancel.entries[0].key == "quorum-cancel", Ordering::Relaxed);
                    }
                    () = flooding => {}
                }
            }
        },
    )
    .await;
    let manager = builder([server.address()]).build().unwrap();
    let recorder = manager.recorder(Insatiable).unwrap();
    let mut watch = recorder.watch(item(1));
    eventually("the node is stopped", || is_stopped.load(Ordering::Relaxed)).await;
    heap.assert_peak_below(64 * MIB);
    let error = watch.next().await.unwrap().unwrap_err();
    assert!(matches!(error.failures()[0].error, NodeError::Unread { .. }), "{error}");
}

/// Requests as fast as they are taken, and how many were.
fn flood(
    first: Vec<Bytes>,
    then: impl Fn(u64) -> Bytes + Send + 'static,
) -> (impl Stream<Item = Bytes> + Send + 'static, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let counted = stream::iter(0..u64::MAX).map(move |number| {
        count.fetch_add(1, Ordering::Relaxed);
        then(number)
    });
    (stream::iter(first).chain(counted), taken)
}

/// Waits until no more is taken; returns how much was.
async fn standstill(taken: &AtomicUsize) -> usize {
    let waiting = async {
        let mut last = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = taken.load(Ordering::Relaxed);
            if now == last && now > 0 {
                return now;
            }
            last = now;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the server stops to read")
}

const ASK: &str = "recorder.Recorder.Ask";

#[tokio::test]
async fn a_server_reads_no_more_from_a_client_that_takes_no_replies() {
    let heap = Counting::begin().await;
    let server = TestServer::start().await;
    let request = |number| Frame::new(number, ASK, &large(number, 64 * KIB)).bytes();
    let (requests, taken) = flood(vec![], request);
    let _unread = raw_stream(raw_channel(&server.address()).await, true, requests).await;
    let taken = standstill(&taken).await;
    assert!(taken > 10, "{taken} of them");
    heap.assert_peak_below(32 * MIB);
    let manager = manager(std::slice::from_ref(&server));
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
}

#[tokio::test]
async fn a_server_reads_no_more_behind_a_handler_that_does_not_return() {
    let heap = Counting::begin().await;
    let server = TestServer::start().await;
    let wait = Frame::new(1, ASK, &quorum_tests::waiting(0)).bytes();
    let request = |number| Frame::new(number + 2, ASK, &large(number, MIB)).bytes();
    let (requests, taken) = flood(vec![wait], request);
    let _stream = raw_stream(raw_channel(&server.address()).await, true, requests).await;
    let taken = standstill(&taken).await;
    assert!((2..50).contains(&taken), "{taken} of them");
    heap.assert_peak_below(32 * MIB);
    let manager = manager(std::slice::from_ref(&server));
    manager.node(1).unwrap().ask(item(1)).await.unwrap();
}

#[tokio::test]
async fn a_server_reads_small_requests_ahead_of_the_turn_up_to_a_number() {
    let heap = Counting::begin().await;
    let server = TestServer::start().await;
    let wait = Frame::new(1, ASK, &quorum_tests::waiting(0)).bytes();
    let request = |number| Frame::new(number + 2, ASK, &item(number)).bytes();
    let (requests, taken) = flood(vec![wait], request);
    let _stream = raw_stream(raw_channel(&server.address()).await, true, requests).await;
    standstill(&taken).await;
    heap.assert_peak_below(32 * MIB);
}

#[tokio::test]
async fn a_server_reads_no_more_while_handlers_that_were_released_hold_large_requests() {
    let heap = Counting::begin().await;
    let server = TestServer::start().await;
    let request = |number| {
        let item = Item { number, text: format!("wait{}", "x".repeat(MIB)) };
        Frame::new(number, "recorder.Recorder.AskBeside", &item).bytes()
    };
    let (requests, taken) = flood(vec![], request);
    let _stream = raw_stream(raw_channel(&server.address()).await, true, requests).await;
    let taken = standstill(&taken).await;
    assert!((64..100).contains(&taken), "{taken} of them");
    heap.assert_peak_below(128 * MIB);
}

/// Two bytes on the wire are an entry of two strings in memory.
#[tokio::test]
async fn a_message_of_nothing_but_empty_entries_does_not_swell() {
    let heap = Counting::begin().await;
    let server = TestServer::start().await;
    let message = Bytes::from([0x22, 0].repeat(2 * MIB - 10));
    let requests = stream::iter(vec![message; 8]).chain(stream::pending());
    let mut replies = raw_stream(raw_channel(&server.address()).await, true, requests).await;
    let _ = tokio::time::timeout(PATIENCE, replies.message()).await.expect("an answer");
    heap.assert_peak_below(64 * MIB);
}

#[tokio::test]
async fn a_server_is_no_larger_after_a_storm_than_before() {
    let heap = Counting::begin().await;
    let server = TestServer::start().await;
    storm::at_server(&server.address(), 5, 5_000).await;
    heap.assert_peak_below(64 * MIB);
    let after_one = heap.now();
    storm::at_server(&server.address(), 6, 5_000).await;
    // What it has noted remains: eight bytes for each request.
    assert!(heap.now() < after_one + MIB, "{} KiB after {} KiB", heap.now() / KIB, after_one / KIB);
}

#[tokio::test]
async fn a_client_is_no_larger_after_a_storm_than_before() {
    let heap = Counting::begin().await;
    storm::at_client(5, 5_000).await;
    heap.assert_peak_below(64 * MIB);
    let after_one = heap.now();
    storm::at_client(6, 5_000).await;
    assert!(heap.now() < after_one + MIB, "{} KiB after {} KiB", heap.now() / KIB, after_one / KIB);
}

#[tokio::test]
async fn calls_leave_nothing_behind() {
    let heap = Counting::begin().await;
    let (servers, manager) = quorum_tests::cluster::<3>().await;
    let recorder = manager.recorder(Majority).unwrap();
    let round = async || {
        for number in 0..1000 {
            recorder.record(item(number)).all().await.unwrap();
            drop(recorder.record(item(number)));
            drop(manager.node(1).unwrap().ask_again(item(number)));
            recorder.watch(item(number)).next().await.unwrap().unwrap();
        }
        recorder.record(item(0)).all().await.unwrap();
        let is_quiet = |(begun, ended)| begun == ended;
        let quiet = || servers.iter().all(|server| is_quiet(server.recording().watches()));
        eventually("the last watch ends", quiet).await;
    };
    round().await;
    let after_one = heap.now();
    round().await;
    assert!(heap.now() < after_one + MIB, "{} KiB after {} KiB", heap.now() / KIB, after_one / KIB);
}
