//! Requests that may be sent again, and messages that take the place of others.

use super::*;

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
fn many_requests_are_reported_and_sent_again_in_the_order_of_the_calls() {
    let outbox = Outbox::new(Limits { requests: 1000, bytes: 1000 * MESSAGE });
    let epoch = outbox.attach();
    let inbox = Arc::new(Inbox::default());
    // Each of its own node, so that it can be told who was told when.
    for sequence in 1..=200 {
        let envelope = Envelope { sequence: 4 * sequence, ..Envelope::default() };
        let delivery = Delivery { idempotent: sequence % 2 == 0, ..IDEMPOTENT };
        let reply_to = inbox.slot((sequence as u32).into());
        outbox.push(Outgoing::new(envelope, 10, reply_to, delivery, None, None));
        assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(4 * sequence)));
    }
    outbox.detach(&ConnectionError::new("cut"));
    let told = std::iter::from_fn(|| inbox.pop(&Context::from_waker(noop_waker_ref())));
    assert!(told.map(|arrival| arrival.node.get()).eq((1..=200).step_by(2)));
    let next = outbox.attach();
    let again = std::iter::from_fn(|| match pop(&outbox, next) {
        Poll::Ready(sequence) => sequence,
        Poll::Pending => None,
    });
    assert!(again.eq((8..=800).step_by(8)));
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
    let outbox = Outbox::new(Limits { requests: 100, bytes: 3 * MESSAGE - 1 });
    let epoch = outbox.attach();
    let _held = [1, 2].map(|sequence| push_with(&outbox, sequence, IDEMPOTENT));
    let _popped = [(); 2].map(|()| pop(&outbox, epoch));
    let full = full(2, 2 * MESSAGE);
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
