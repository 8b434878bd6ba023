//! Deadlines, cancelled calls, and what is lost.

use super::*;

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
async fn messages_whose_time_is_over_leave_room_although_nothing_is_sent() {
    let outbox = Outbox::new(LIMITS);
    let _late: Vec<_> = (1..=4).map(|n| push_for_a_second(&outbox, n, ONE_WAY)).collect();
    assert_eq!(outcome(&push(&outbox, 5, false)).split(':').next(), Some("overloaded"));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(outcome(&push(&outbox, 6, false)), "");
    assert_eq!(outbox.losses(), Losses { undelivered: 4, ..Losses::default() });
    let epoch = outbox.attach();
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(6)));
    assert_eq!(outbox.lock().bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_far_behind_is_owed_only_what_somebody_may_wait_for() {
    let outbox = Outbox::new(Limits { requests: 10_000, bytes: 10_000 * MESSAGE });
    for sequence in 0..5000 {
        let _held = push_for_a_second(&outbox, sequence, ONCE);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(outbox.lock().queue.len() <= 1000, "those of a second");
    }
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
    let outbox = Outbox::new(Limits { requests: 2, ..LIMITS });
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
