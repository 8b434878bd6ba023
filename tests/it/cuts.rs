//! Promises 1, 2, 3 and 6 at every byte: an exchange of every kind of call, over a connection that
//! is cut after k bytes of one direction, for all k.
//!
//! After each cut every call ends, with its reply or with a cause; the node has handled nothing
//! twice that may not be repeated, and nothing out of the order of the calls; and the next call
//! works without anybody doing anything about it.

use std::future::Future;
use std::time::Duration;

use futures::future::join_all;
use quorum_runtime::{Majority, Manager, NodeError, RpcError};
use quorum_tests::recorder::{
    Item, RecorderConfiguration as _, RecorderManager as _, RecorderNode as _,
};
use quorum_tests::{Cut, End, PATIENCE, Proxy, TestServer, Way, item};

/// Cuts that are tried at once.
const AT_ONCE: u64 = 32;
/// The numbers of the calls after cut k begin at `STEP * (k + 1)`.
const STEP: u64 = 100;
/// Calls of an exchange that may be handled twice.
const REPEATABLE: [u64; 2] = [2, 5];
/// The numbers of the calls after the cut; the second is made if the first met it.
const LAST: [u64; 2] = [10, 11];

#[tokio::test]
async fn promises_1_2_3_6_when_reset_after_every_byte_to_the_server() {
    cut_everywhere(Way::ToServer, End::Reset).await;
}

#[tokio::test]
async fn promises_1_2_3_6_when_reset_after_every_byte_to_the_client() {
    cut_everywhere(Way::ToClient, End::Reset).await;
}

#[tokio::test]
async fn promises_1_2_3_6_when_closed_after_every_byte_to_the_server() {
    cut_everywhere(Way::ToServer, End::Finish).await;
}

#[tokio::test]
async fn promises_1_2_3_6_when_closed_after_every_byte_to_the_client() {
    cut_everywhere(Way::ToClient, End::Finish).await;
}

async fn cut_everywhere(way: Way, end: End) {
    let server = TestServer::start().await;
    let exchanges = everywhere(way, end, async |cut| exchange(&server, cut).await).await;
    check_handled(&server, exchanges);
}

/// Has an exchange cut after each of its bytes; returns how many exchanges that were. An exchange
/// returns whether it was cut.
///
/// How long it is differs from run to run, by the pings and settings of HTTP/2, so this goes on
/// until a whole row of exchanges ended before their cuts.
pub(crate) async fn everywhere(way: Way, end: End, exchange: impl AsyncFn(Cut) -> bool) -> u64 {
    for row in 0..1000 {
        let cuts = (row * AT_ONCE..(row + 1) * AT_ONCE).map(|after| Cut { way, after, end });
        let were_cut = join_all(cuts.map(async |cut| exchange(cut).await)).await;
        if were_cut.iter().all(|was_cut| !was_cut) {
            assert!(row > 5, "only {row} rows: was the exchange cut at all?");
            return (row + 1) * AT_ONCE;
        }
    }
    panic!("the exchange never ends before its cut");
}

/// Makes calls over a connection that is cut, and another call after that; returns whether there
/// was a cut.
async fn exchange(server: &TestServer, cut: Cut) -> bool {
    let proxy = Proxy::start(&server.address()).await;
    proxy.cut_next(cut);
    let manager = Manager::builder()
        .nodes([proxy.address()])
        .timeout(PATIENCE)
        .reconnect_wait(Duration::from_millis(1), Duration::from_millis(10))
        .build()
        .unwrap();
    let number = |index| item(STEP * (cut.after + 1) + index);
    call_all(&manager, number, cut).await;
    let node = manager.node(1).unwrap();
    // One by one, so that some cuts find an empty queue.
    for index in [8, 9] {
        check_reply(cut, index, ended(node.ask(number(index))).await, number(index));
    }
    let was_cut = proxy.cuts() > 0;
    for index in LAST {
        match ended(node.ask(number(index))).await {
            Ok(reply) => {
                assert_eq!(reply, number(index));
                break;
            }
            // The first of these calls may be what meets the cut.
            Err(error) => assert!(
                index == LAST[0] && !was_cut && proxy.cuts() > 0,
                "{cut:?}: the next call works by itself, but {error}"
            ),
        }
    }
    proxy.cuts() > 0
}

/// Makes a call of each kind without awaiting one, and sees how each of them ends.
async fn call_all(manager: &Manager, number: impl Fn(u64) -> Item, cut: Cut) {
    let node = manager.node(1).unwrap();
    let recorder = manager.recorder(Majority).unwrap();
    let told = node.tell(number(0));
    let asked = node.ask(number(1));
    let again = node.ask_again(number(2));
    let noted = recorder.note(number(3));
    let recorded = recorder.record(number(4)).replies();
    let again_too = node.ask_again(number(5));
    let asked_too = node.ask(number(6));
    let recorded_too = recorder.record(number(7)).replies();

    for sent in [ended(told).await, ended(noted).await] {
        if let Err(error) = sent {
            assert!(is_cut(&error.failures()[0].error), "{cut:?}: {error}");
        }
    }
    check_reply(cut, 1, ended(asked).await, number(1));
    check_reply(cut, 2, ended(again).await, number(2));
    check_reply(cut, 5, ended(again_too).await, number(5));
    check_reply(cut, 6, ended(asked_too).await, number(6));
    for (index, mut replies) in [(4, recorded), (7, recorded_too)] {
        let reply = ended(replies.next()).await.expect("one outcome for the node");
        match reply.result {
            Ok(reply) => assert_eq!(reply, number(index), "{cut:?}"),
            Err(error) => assert!(is_cut(&error), "{cut:?}, call {index}: {error}"),
        }
        assert!(ended(replies.next()).await.is_none(), "{cut:?}: a node has one outcome");
    }
}

/// A call ends with its own reply or because the connection broke, and one that may be repeated is
/// not lost with its connection.
fn check_reply(cut: Cut, index: u64, reply: Result<Item, RpcError>, expected: Item) {
    match reply {
        Ok(reply) => assert_eq!(reply, expected, "{cut:?}"),
        Err(error) => {
            let error = &error.failure().error;
            assert!(is_cut(error), "{cut:?}, call {index}: {error}");
            let is_lost = matches!(error, NodeError::Disconnected(_));
            assert!(!(is_lost && REPEATABLE.contains(&index)), "{cut:?}, call {index}: {error}");
        }
    }
}

async fn ended<T>(call: impl IntoFuture<Output = T, IntoFuture: Future<Output = T>>) -> T {
    tokio::time::timeout(PATIENCE * 2, call).await.expect("every call ends")
}

/// What a call may end with when its connection breaks.
fn is_cut(error: &NodeError) -> bool {
    matches!(error, NodeError::Disconnected(_) | NodeError::Unreachable(_))
}

/// What the server has handled of each exchange is in order, and once.
fn check_handled(server: &TestServer, exchanges: u64) {
    let mut handled = vec![Vec::new(); usize::try_from(exchanges).unwrap()];
    for number in server.recording().noted() {
        let exchange = usize::try_from(number / STEP - 1).unwrap();
        handled[exchange].push(number % STEP);
    }
    for (cut, handled) in handled.iter().enumerate() {
        let once: Vec<_> = handled.iter().filter(|index| !REPEATABLE.contains(index)).collect();
        assert!(once.is_sorted_by(|a, b| a < b), "cut after {cut} bytes: {handled:?}");
        let mut first: Vec<u64> = Vec::new();
        for &index in handled {
            if !first.contains(&index) {
                first.push(index);
            }
        }
        assert!(first.is_sorted(), "cut after {cut} bytes: {handled:?}");
        assert!(handled.last() >= Some(&LAST[0]), "cut after {cut} bytes: {handled:?}");
    }
}
