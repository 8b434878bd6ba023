//! What a quorum call does with its replies, as its quorum function sees them.

use divan::Bencher;
use quorum_runtime::{All, Majority, NodeError, Replies, Verdict};

use crate::systems::NODES;

/// A whole call: each reply is recorded, and after each the function is asked, until it is done.
#[divan::bench(args = NODES)]
fn until_a_majority(bencher: Bencher<'_, '_>, nodes: u32) {
    bencher.with_inputs(|| Replies::new(1..=nodes)).bench_values(|mut replies| {
        for node in 1..=nodes {
            replies = replies.with_reply(node, node);
            if let Verdict::Done(first) = replies.first_of(&Majority) {
                return first;
            }
        }
        unreachable!("all have replied")
    });
}

/// The same with a function that looks at all values, as a read of a register does.
#[divan::bench(args = NODES)]
fn the_largest_of_all(bencher: Bencher<'_, '_>, nodes: u32) {
    bencher.with_inputs(|| Replies::new(1..=nodes)).bench_values(|mut replies| {
        for node in 1..=nodes {
            replies = replies.with_reply(node, node);
            if replies.is_quorum(&All) {
                break;
            }
        }
        replies.values().max().copied()
    });
}

/// A call of which so many nodes fail that no quorum can come.
#[divan::bench(args = NODES)]
fn until_no_majority_can_come(bencher: Bencher<'_, '_>, nodes: u32) {
    bencher.with_inputs(|| Replies::<u32>::new(1..=nodes)).bench_values(|mut replies| {
        for node in 1..=nodes.div_ceil(2) {
            replies = replies.with_failure(node, NodeError::Closed);
            divan::black_box(replies.is_quorum(&Majority));
        }
        replies
    });
}

#[divan::bench(args = NODES)]
fn new(nodes: u32) -> Replies<u32> {
    Replies::new(1..=divan::black_box(nodes))
}
