mod giving_up;
mod resend;
mod room;
mod streams;

use std::sync::Arc;
use std::task::Wake;

use futures::task::noop_waker_ref;
use tokio::time::Instant;

use super::*;
use crate::call::{Event, Inbox};
use crate::link::delivery::{Delivery, MESSAGE_OVERHEAD};
use crate::wire;

const LIMITS: Limits = Limits { requests: 4, bytes: 10 * MESSAGE };
/// What a message of ten bytes counts for.
const MESSAGE: usize = 10 + MESSAGE_OVERHEAD;
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
    outbox.push(Outgoing::new(envelope, 10, reply_to, delivery, deadline, not_before));
    inbox
}

/// Pushes a request whose caller gives up in a second.
fn push_for_a_second(outbox: &Outbox, sequence: u64, delivery: Delivery) -> Arc<Inbox> {
    let inbox = Arc::new(Inbox::default());
    let envelope = Envelope { sequence, ..Envelope::default() };
    let reply_to = inbox.slot(1.into());
    let deadline = Some(Instant::now() + Duration::from_secs(1));
    let not_before = None;
    outbox.push(Outgoing::new(envelope, 10, reply_to, delivery, deadline, not_before));
    inbox
}

fn pop(outbox: &Outbox, epoch: Epoch) -> Poll<Option<u64>> {
    let popped = outbox.poll_pop(epoch, &Context::from_waker(noop_waker_ref()));
    popped.map(|envelope| envelope.map(|envelope| envelope.sequence))
}

/// What has arrived, as text; nothing is "".
fn outcome(inbox: &Inbox) -> String {
    let arrived = std::iter::from_fn(|| inbox.pop(&Context::from_waker(noop_waker_ref())));
    let text = |event| match event {
        Event::Reply(_) => "ok".to_owned(),
        Event::End => "end".to_owned(),
        Event::Failed(error) => error.to_string(),
    };
    arrived.map(|arrival| text(arrival.event)).collect()
}

fn full(requests: usize, bytes: usize) -> String {
    format!("overloaded: {requests} requests and {bytes} bytes already wait for it")
}

/// Whether the next message tells the node to stop this call.
fn pops_cancel(outbox: &Outbox, epoch: Epoch, sequence: u64) -> bool {
    let popped = outbox.poll_pop(epoch, &Context::from_waker(noop_waker_ref()));
    matches!(popped, Poll::Ready(Some(m)) if wire::is_cancel(&m) && m.sequence == sequence)
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
    let full = full(4, 4 * MESSAGE);
    assert_eq!(outcome(&push(&outbox, 5, false)), full);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    let full = self::full(4, 3 * MESSAGE);
    assert_eq!(outcome(&push(&outbox, 5, false)), full, "the first still waits for its reply");
    assert!(outbox.take(1, false).is_some());
    assert_eq!(outcome(&push(&outbox, 5, false)), "");
}

#[test]
fn messages_that_wait_to_be_sent_are_limited_in_bytes() {
    let outbox = Outbox::new(Limits { requests: 100, bytes: 3 * MESSAGE - 1 });
    let _held = [1, 2].map(|sequence| push(&outbox, sequence, true));
    assert_eq!(outcome(&push(&outbox, 3, true)), full(2, 2 * MESSAGE));
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
fn what_is_queued_for_a_call_that_nobody_waits_for_does_not_keep_it_in_memory() {
    let outbox = Outbox::new(Limits { requests: 100, bytes: 100 * MESSAGE });
    let held: Vec<_> = (1..=10).map(|sequence| push(&outbox, sequence, sequence > 5)).collect();
    for (inbox, sequence) in held.iter().zip(1..) {
        assert_eq!(Arc::strong_count(inbox), 2);
        inbox.abandon();
        if sequence % 2 == 0 {
            outbox.forget(sequence)
        } else {
            outbox.expire(sequence)
        }
        assert_eq!(Arc::strong_count(inbox), 1);
    }
    let epoch = outbox.attach();
    let sent = (1..=10).map(|_| pop(&outbox, epoch));
    assert!(sent.eq((1..=10).map(|sequence| Poll::Ready(Some(sequence)))), "they are sent");
    assert_eq!(outbox.lock().pending.len(), 0);
}

#[test]
fn a_burst_leaves_no_room_behind() {
    let outbox = Outbox::new(Limits { requests: 10_000, bytes: 10_000 * MESSAGE });
    let epoch = outbox.attach();
    let _held: Vec<_> = (1..=10_000).map(|sequence| push(&outbox, sequence, false)).collect();
    let last = (1..=10_001).map(|_| pop(&outbox, epoch)).last();
    assert_eq!(last, Some(Poll::Pending));
    assert!((1..=10_000).all(|sequence| outbox.take(sequence, false).is_some()));
    assert_eq!(pop(&outbox, epoch), Poll::Pending);
    let state = outbox.lock();
    assert!(state.queue.capacity() < 2000, "{}", state.queue.capacity());
    assert!(state.pending.capacity() < 2000, "{}", state.pending.capacity());
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
