//! Calls whose nodes may reply several times.

use super::*;

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
