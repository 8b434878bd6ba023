use std::sync::Arc;
use std::task::Wake;

use futures::task::noop_waker_ref;
use tokio::time::Instant;

use super::*;
use crate::call::{Event, Inbox};
use crate::link::delivery::Delivery;
use crate::wire;

const LIMITS: Limits = Limits { requests: 4, bytes: 100 };
/// A node that understands our additions to the wire.
const OURS: Hello = Hello { ours: true, node_id: None, incarnation: None, stream: None };

/// Pushes a message of ten bytes and returns where its outcome arrives.
fn push(outbox: &Outbox, sequence: u64, one_way: bool) -> Arc<Inbox> {
    let answer = if one_way { Answer::Nothing } else { Answer::Once };
    push_with(outbox, sequence, Delivery { answer, ordered: true, ..Delivery::default() })
}

fn push_with(outbox: &Outbox, sequence: u64, delivery: Delivery) -> Arc<Inbox> {
    let inbox = Arc::new(Inbox::default());
    let envelope = Envelope { sequence, ..Envelope::default() };
    let reply_to = inbox.slot(1.into());
    let (deadline, not_before) = (None, None);
    outbox.push(Outgoing { envelope, bytes: 10, reply_to, delivery, deadline, not_before });
    inbox
}

/// Pushes a request whose caller gives up in a second.
fn push_for_a_second(outbox: &Outbox, sequence: u64, delivery: Delivery) -> Arc<Inbox> {
    let inbox = Arc::new(Inbox::default());
    let envelope = Envelope { sequence, ..Envelope::default() };
    let reply_to = inbox.slot(1.into());
    let deadline = Some(Instant::now() + Duration::from_secs(1));
    let not_before = None;
    outbox.push(Outgoing { envelope, bytes: 10, reply_to, delivery, deadline, not_before });
    inbox
}

fn pop(outbox: &Outbox, epoch: Epoch) -> Poll<Option<u64>> {
    let popped = outbox.poll_pop(epoch, &Context::from_waker(noop_waker_ref()));
    popped.map(|envelope| envelope.map(|envelope| envelope.sequence))
}

/// What has arrived, as text; nothing is "".
fn outcome(inbox: &Inbox) -> String {
    let mut arrived = VecDeque::new();
    inbox.take(&mut arrived, &Context::from_waker(noop_waker_ref()));
    let text = |event| match event {
        Event::Reply(_) => "ok".to_owned(),
        Event::End => "end".to_owned(),
        Event::Failed(error) => error.to_string(),
    };
    arrived.into_iter().map(|arrival| text(arrival.event)).collect()
}

#[test]
fn messages_leave_in_the_order_in_which_they_came() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    for sequence in [3, 1, 2] {
        push(&outbox, sequence, false);
    }
    let left = [(); 4].map(|()| pop(&outbox, epoch));
    let ready = |sequence| Poll::Ready(Some(sequence));
    assert_eq!(left, [ready(3), ready(1), ready(2), Poll::Pending]);
}

#[test]
fn requests_that_wait_to_be_sent_or_answered_are_limited_in_number() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _held = [1, 2, 3, 4].map(|sequence| push(&outbox, sequence, false));
    let full = "overloaded: 4 requests and 40 bytes already wait for it";
    assert_eq!(outcome(&push(&outbox, 5, false)), full);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    let full = "overloaded: 4 requests and 30 bytes already wait for it";
    assert_eq!(outcome(&push(&outbox, 5, false)), full, "the first still waits for its reply");
    assert!(outbox.take(1, false).is_some());
    assert_eq!(outcome(&push(&outbox, 5, false)), "");
}

#[test]
fn messages_that_wait_to_be_sent_are_limited_in_bytes() {
    let outbox = Outbox::new(Limits { requests: 100, bytes: 25 });
    let _held = [1, 2].map(|sequence| push(&outbox, sequence, true));
    let full = "overloaded: 2 requests and 20 bytes already wait for it";
    assert_eq!(outcome(&push(&outbox, 3, true)), full);
}

#[test]
fn a_connection_that_was_replaced_takes_nothing() {
    let outbox = Outbox::new(LIMITS);
    let first = outbox.attach();
    outbox.detach(&ConnectionError::new("cut"));
    assert_eq!(pop(&outbox, first), Poll::Ready(None));
    let second = outbox.attach();
    let _held = push(&outbox, 1, false);
    assert_eq!(pop(&outbox, first), Poll::Ready(None));
    assert_eq!(pop(&outbox, second), Poll::Ready(Some(1)));
}

#[test]
fn a_lost_connection_is_told_to_what_was_handed_to_it_and_to_nothing_else() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let [sent, queued] = [1, 2].map(|sequence| push(&outbox, sequence, false));
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    outbox.detach(&ConnectionError::new("cut"));
    assert_eq!(outcome(&sent), "the connection was lost: cut");
    assert_eq!(outcome(&queued), "");
    let next = outbox.attach();
    assert_eq!([pop(&outbox, next), pop(&outbox, next)], [Poll::Ready(Some(2)), Poll::Pending]);
}

#[test]
fn a_reply_finds_its_call_once() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let call = push(&outbox, 1, false);
    assert!(outbox.take(1, false).is_none(), "nothing was asked yet");
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    assert!(outbox.take(1, false).unwrap().reply(Bytes::new()));
    assert_eq!(outcome(&call), "ok");
    assert!(outbox.take(1, false).is_none());
}

#[test]
fn a_call_that_nobody_waits_for_is_sent_and_not_remembered() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let queued = push(&outbox, 1, false);
    queued.abandon();
    outbox.forget(1);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    assert!(outbox.take(1, false).is_none());
    let sent = push(&outbox, 2, false);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(2)));
    sent.abandon();
    outbox.forget(2);
    assert!(outbox.take(2, false).is_none());
}

#[test]
fn a_one_way_message_is_done_when_its_connection_takes_it() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let message = push(&outbox, 1, true);
    assert_eq!(outcome(&message), "");
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    assert_eq!(outcome(&message), "ok");
}

#[test]
fn a_closed_outbox_lets_go_what_it_has_and_takes_no_more() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _held = push(&outbox, 1, false);
    outbox.close();
    assert_eq!(outcome(&push(&outbox, 2, false)), "the link to it is closed");
    assert_eq!(
        [pop(&outbox, epoch), pop(&outbox, epoch)],
        [Poll::Ready(Some(1)), Poll::Ready(None)]
    );
}

#[test]
fn given_up_messages_leave_room() {
    let outbox = Outbox::new(LIMITS);
    let held = [1, 2, 3, 4].map(|sequence| push(&outbox, sequence, false));
    assert!(outbox.has_queued());
    outbox.fail_queued(&NodeError::Closed);
    assert!(held.iter().all(|inbox| outcome(inbox) == "the link to it is closed"));
    assert!(!outbox.has_queued());
    assert_eq!(outcome(&push(&outbox, 5, false)), "");
}

#[test]
fn a_message_and_the_end_wake_the_connection() {
    struct Woken(std::sync::atomic::AtomicUsize);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let woken = Arc::new(Woken(0.into()));
    let waker = Arc::clone(&woken).into();
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let wait = || outbox.poll_pop(epoch, &Context::from_waker(&waker)).is_pending();
    assert!(wait());
    let _held = push(&outbox, 1, true);
    assert_eq!(woken.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert!(!wait() && wait());
    outbox.close();
    assert_eq!(woken.0.load(std::sync::atomic::Ordering::Relaxed), 2);
}

const IDEMPOTENT: Delivery =
    Delivery { answer: Answer::Once, idempotent: true, latest: false, ordered: true };

#[test]
fn idempotent_requests_are_sent_again_in_order_and_before_what_is_queued() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _again = [1, 2].map(|sequence| push_with(&outbox, sequence, IDEMPOTENT));
    let once = push(&outbox, 3, false);
    let _popped = [(); 3].map(|()| pop(&outbox, epoch));
    let _queued = push(&outbox, 4, false);
    outbox.detach(&ConnectionError::new("cut"));
    assert_eq!(outcome(&once), "the connection was lost: cut");
    let next = outbox.attach();
    let ready = |sequence| Poll::Ready(Some(sequence));
    assert_eq!([(); 4].map(|()| pop(&outbox, next)), [ready(1), ready(2), ready(4), Poll::Pending]);
}

#[test]
fn an_idempotent_request_is_not_sent_for_ever() {
    let outbox = Outbox::new(LIMITS);
    let call = push_with(&outbox, 1, IDEMPOTENT);
    for _ in 0..MAX_SENDS {
        assert_eq!(outcome(&call), "");
        let epoch = outbox.attach();
        assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
        outbox.detach(&ConnectionError::new("cut"));
    }
    assert_eq!(outcome(&call), "the connection was lost: cut");
    assert!(!outbox.has_queued());
}

#[test]
fn a_request_that_was_sent_before_is_not_said_to_be_unsent() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let sent = push_with(&outbox, 1, IDEMPOTENT);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    outbox.detach(&ConnectionError::new("cut"));
    let unsent = push_with(&outbox, 2, IDEMPOTENT);
    outbox.attempt_failed(&NodeError::Unreachable(ConnectionError::new("refused")));
    assert_eq!(outcome(&sent), "", "it waits to be sent again");
    assert_eq!(outcome(&unsent), "cannot connect: refused");
    outbox.fail_queued(&NodeError::Closed);
    assert_eq!(outcome(&sent), "the connection was lost: cut");
}

#[test]
fn a_request_that_waits_to_be_sent_again_for_nobody_is_dropped() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let sent = push_with(&outbox, 1, IDEMPOTENT);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    outbox.detach(&ConnectionError::new("cut"));
    sent.abandon();
    outbox.attempt_failed(&NodeError::Closed);
    assert!(!outbox.has_queued());
}

#[test]
fn requests_that_may_be_sent_again_count_with_their_bytes_until_they_are_answered() {
    let outbox = Outbox::new(Limits { requests: 100, bytes: 25 });
    let epoch = outbox.attach();
    let _held = [1, 2].map(|sequence| push_with(&outbox, sequence, IDEMPOTENT));
    let _popped = [(); 2].map(|()| pop(&outbox, epoch));
    let full = "overloaded: 2 requests and 20 bytes already wait for it";
    assert_eq!(outcome(&push(&outbox, 3, false)), full);
    outbox.forget(1);
    assert!(outbox.take(2, false).is_some());
    let _held = [3, 4].map(|sequence| push(&outbox, sequence, false));
    assert_eq!(outcome(&push(&outbox, 5, false)), full);
}

#[test]
fn the_latest_message_takes_the_place_of_an_unsent_one_and_goes_to_the_end() {
    const LATEST: Delivery =
        Delivery { answer: Answer::Nothing, idempotent: false, latest: true, ordered: true };
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let sent = push_with(&outbox, 1, LATEST);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    let older = push_with(&outbox, 2, LATEST);
    let _other = push(&outbox, 3, true);
    let newer = push_with(&outbox, 4, LATEST);
    let ready = |sequence| Poll::Ready(Some(sequence));
    assert_eq!([(); 3].map(|()| pop(&outbox, epoch)), [ready(3), ready(4), Poll::Pending]);
    assert_eq!(
        [&sent, &older, &newer].map(|call| outcome(call)),
        ["ok", "a newer message took its place", "ok"]
    );
}

#[test]
fn a_node_that_replies_several_times_keeps_its_entry_until_it_ends() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let delivery = Delivery { answer: Answer::Stream, ..Delivery::default() };
    let call = push_with(&outbox, 1, delivery);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    for _ in 0..2 {
        assert!(outbox.take(1, false).unwrap().reply(Bytes::new()));
    }
    outbox.take(1, true).unwrap().end();
    assert!(outbox.take(1, false).is_none());
    assert_eq!(outcome(&call), "okokend");
}

#[test]
fn replies_that_nobody_reads_are_refused_at_a_limit_and_their_end_is_not() {
    let inbox = Arc::new(Inbox::default());
    let flooding = inbox.slot(1.into());
    for _ in 0..crate::call::MAX_UNREAD {
        assert!(flooding.reply(Bytes::new()));
    }
    assert!(!flooding.reply(Bytes::new()));
    flooding.fail(NodeError::Closed);
    assert!(outcome(&inbox).ends_with("okthe link to it is closed"));
}

const STREAM: Delivery =
    Delivery { answer: Answer::Stream, idempotent: false, latest: false, ordered: true };

/// Whether the next message tells the node to stop this call.
fn pops_cancel(outbox: &Outbox, epoch: Epoch, sequence: u64) -> bool {
    let popped = outbox.poll_pop(epoch, &Context::from_waker(noop_waker_ref()));
    matches!(popped, Poll::Ready(Some(m)) if wire::is_cancel(&m) && m.sequence == sequence)
}

#[test]
fn a_stream_that_nobody_wants_is_stopped_once_the_node_is_known_to_understand_it() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _held = [1, 2].map(|sequence| push_with(&outbox, sequence, STREAM));
    let _popped = [(); 2].map(|()| pop(&outbox, epoch));
    outbox.cancel(1, Answer::Stream);
    assert_eq!(pop(&outbox, epoch), Poll::Pending, "who is there is not known yet");
    outbox.greeted(OURS);
    assert!(pops_cancel(&outbox, epoch, 1));
    outbox.cancel(2, Answer::Stream);
    assert!(pops_cancel(&outbox, epoch, 2));
    outbox.cancel(2, Answer::Stream);
    assert_eq!(pop(&outbox, epoch), Poll::Pending, "it is told once");
}

#[test]
fn a_node_that_does_not_understand_it_is_not_told_to_stop() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _held = push_with(&outbox, 1, STREAM);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    outbox.cancel(1, Answer::Stream);
    outbox.greeted(Hello::default());
    assert_eq!(pop(&outbox, epoch), Poll::Pending);
}

#[test]
fn a_stream_that_was_not_sent_yet_is_taken_out_of_the_queue() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _held = [1, 2].map(|sequence| push_with(&outbox, sequence, STREAM));
    outbox.cancel(1, Answer::Stream);
    assert_eq!([pop(&outbox, epoch), pop(&outbox, epoch)], [Poll::Ready(Some(2)), Poll::Pending]);
}

const ONCE: Delivery =
    Delivery { answer: Answer::Once, idempotent: false, latest: false, ordered: true };
const ONE_WAY: Delivery = Delivery { answer: Answer::Nothing, ..ONCE };

fn pop_whole(outbox: &Outbox, epoch: Epoch) -> Option<Envelope> {
    match outbox.poll_pop(epoch, &Context::from_waker(noop_waker_ref())) {
        Poll::Ready(envelope) => envelope,
        Poll::Pending => None,
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_that_is_left_is_told_to_a_node_that_understands_it() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _first = push_for_a_second(&outbox, 1, ONCE);
    assert_eq!(pop_whole(&outbox, epoch).unwrap().timeout, None, "who is it?");
    outbox.greeted(OURS);
    let _second = push_for_a_second(&outbox, 2, ONCE);
    tokio::time::advance(Duration::from_millis(400)).await;
    let left = pop_whole(&outbox, epoch).unwrap().timeout;
    assert_eq!(left, Some(Duration::from_millis(600)), "it has waited in the queue");
    outbox.greeted(Hello::default());
    let _third = push_for_a_second(&outbox, 3, ONCE);
    assert_eq!(pop_whole(&outbox, epoch).unwrap().timeout, None, "a node of Gorums");
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_time_is_over_is_not_sent() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _late = [push_for_a_second(&outbox, 1, ONCE), push_for_a_second(&outbox, 2, ONE_WAY)];
    let _patient = push(&outbox, 3, false);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(3)));
    assert_eq!(outbox.losses(), Losses { undelivered: 1, ..Losses::default() });
    assert_eq!(outbox.lock().bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_not_told_the_deadline_is_told_that_it_has_passed() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _untold = push_for_a_second(&outbox, 1, ONCE);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    outbox.greeted(OURS);
    let _told = push_for_a_second(&outbox, 2, ONCE);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(2)));
    outbox.expire(1);
    outbox.expire(2);
    assert!(pops_cancel(&outbox, epoch, 1));
    assert_eq!(pop(&outbox, epoch), Poll::Pending, "the second knows by itself");
}

#[test]
fn what_is_cancelled_is_not_sent_and_what_was_sent_is_stopped() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    outbox.greeted(OURS);
    let _calls = [push(&outbox, 1, false), push(&outbox, 2, true), push(&outbox, 3, false)];
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(2)));
    outbox.cancel(1, Answer::Once);
    outbox.cancel(2, Answer::Nothing);
    outbox.cancel(3, Answer::Once);
    assert!(pops_cancel(&outbox, epoch, 1));
    assert!(pops_cancel(&outbox, epoch, 2));
    assert_eq!(pop(&outbox, epoch), Poll::Pending);
    outbox.cancel(1, Answer::Once);
    assert_eq!(pop(&outbox, epoch), Poll::Pending, "nothing is left to stop");
}

#[test]
fn one_way_messages_that_may_be_lost_are_counted() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _held = [push(&outbox, 1, true), push(&outbox, 2, false), push(&outbox, 3, true)];
    let _popped = [(); 3].map(|()| pop(&outbox, epoch));
    assert!(outbox.take(2, false).is_some(), "so the first message has come");
    outbox.cancel(9, Answer::Nothing); // a word of ours is no message of the application
    let _queued = push(&outbox, 4, true);
    outbox.detach(&ConnectionError::new("cut"));
    assert_eq!(outbox.losses(), Losses { undelivered: 0, unconfirmed: 1 });
    outbox.attempt_failed(&NodeError::Closed);
    assert_eq!(outbox.losses(), Losses { undelivered: 1, unconfirmed: 1 });
    outbox.close();
    let _refused = push(&outbox, 5, true);
    assert_eq!(outbox.losses(), Losses { undelivered: 2, unconfirmed: 1 });
}

#[test]
fn an_answer_leaves_with_the_requests_and_within_the_same_limits() {
    let outbox = Outbox::new(Limits { requests: 2, bytes: 100 });
    let epoch = outbox.attach();
    let _held = push(&outbox, 1, false);
    let answer = |sequence| outbox.answer(Envelope { sequence, ..Envelope::default() });
    answer(7);
    answer(8);
    let left = [(); 3].map(|()| pop(&outbox, epoch));
    assert_eq!(left, [Poll::Ready(Some(1)), Poll::Ready(Some(7)), Poll::Pending]);
    assert_eq!(outbox.losses(), Losses::default());
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_answered_once_tell_how_long_the_node_takes() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let stream = Delivery { answer: Answer::Stream, ..Delivery::default() };
    let _watch = push_with(&outbox, 1, stream);
    let _call = push(&outbox, 2, false);
    assert_eq!([pop(&outbox, epoch), pop(&outbox, epoch)], [1, 2].map(|n| Poll::Ready(Some(n))));
    tokio::time::advance(Duration::from_millis(30)).await;
    assert!(outbox.take(2, false).is_some());
    tokio::time::advance(Duration::from_secs(5)).await;
    assert!(outbox.take(1, false).is_some());
    assert_eq!(outbox.latency(), Some(Duration::from_millis(30)), "a watch had nothing to say");

    let _given_up = push(&outbox, 3, false);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(3)));
    outbox.forget(3);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(outbox.latency(), Some(Duration::from_secs(5)), "it may hang");
    let _later = push(&outbox, 4, false);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(4)));
    assert!(outbox.take(4, false).is_some());
    assert_eq!(outbox.latency(), Some(Duration::from_millis(30)), "it does not");
}

/// A wait for room that notes how often it was woken.
struct Waiting<'a> {
    room: std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>,
    woken: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(std::sync::atomic::AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

impl<'a> Waiting<'a> {
    fn on(outbox: &'a Outbox) -> Self {
        let mut waiting = Self { room: Box::pin(outbox.room()), woken: Arc::default() };
        assert!(!waiting.is_over());
        waiting
    }

    fn is_over(&mut self) -> bool {
        let waker = Arc::clone(&self.woken).into();
        self.room.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
    }

    fn woken(&self) -> usize {
        self.woken.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[test]
fn whatever_leaves_wakes_all_who_wait_for_room() {
    let leaves: [fn(&Outbox, Epoch); 6] = [
        |outbox, _| drop(outbox.take(1, false)),
        |outbox, _| outbox.forget(1),
        |outbox, _| outbox.cancel(3, Answer::Once),
        |outbox, _| outbox.detach(&ConnectionError::new("cut")),
        |outbox, _| outbox.fail_queued(&NodeError::Closed),
        |outbox, _| outbox.close(),
    ];
    for leave in leaves {
        let outbox = Outbox::new(LIMITS);
        let epoch = outbox.attach();
        let _held = [1, 2, 3, 4].map(|sequence| push(&outbox, sequence, false));
        let _popped = [(); 2].map(|()| pop(&outbox, epoch));
        let mut waiting = [Waiting::on(&outbox), Waiting::on(&outbox)];
        assert!(!outbox.has_room());
        leave(&outbox, epoch);
        assert!(outbox.has_room());
        for waiting in &mut waiting {
            assert_eq!(waiting.woken(), 1);
            assert!(waiting.is_over());
        }
    }
}

#[test]
fn one_way_messages_leave_room_when_the_connection_takes_them() {
    let outbox = Outbox::new(Limits { requests: 100, bytes: 20 });
    let epoch = outbox.attach();
    let _held = [1, 2, 3].map(|sequence| push(&outbox, sequence, true));
    let mut waiting = Waiting::on(&outbox);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    assert!(waiting.is_over());
}

#[test]
fn who_waits_for_room_is_not_woken_without_it_and_goes_on_when_another_takes_it() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _held = [1, 2, 3, 4].map(|sequence| push(&outbox, sequence, false));
    let mut waiting = Waiting::on(&outbox);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    assert_eq!(waiting.woken(), 0, "the request waits for its reply now");
    outbox.forget(1);
    assert_eq!(waiting.woken(), 1);
    let _held = push(&outbox, 5, false);
    assert!(!waiting.is_over(), "the room was taken");
    outbox.forget(2);
    assert_eq!(waiting.woken(), 1, "there was nothing to forget");
    let _popped = pop(&outbox, epoch);
    outbox.forget(2);
    assert_eq!(waiting.woken(), 2);
    assert!(waiting.is_over());
}
