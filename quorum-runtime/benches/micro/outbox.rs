//! The queue of a node, and the table of requests that wait for their replies.

use divan::Bencher;
use divan::counter::ItemsCount;
use quorum_runtime::__bench::Requests;

/// How many requests there are at a time.
const OUTSTANDING: [u64; 3] = [1, 64, 4096];

#[divan::bench(args = OUTSTANDING, sample_size = 16)]
fn push(bencher: Bencher<'_, '_>, requests: u64) {
    each(bencher, requests, Requests::default, Requests::push);
}

#[divan::bench(args = OUTSTANDING, sample_size = 16)]
fn pop(bencher: Bencher<'_, '_>, requests: u64) {
    each(bencher, requests, || queued(requests), |node, _| assert!(node.pop()));
}

/// In the order of the requests, as replies come.
#[divan::bench(args = OUTSTANDING, sample_size = 16)]
fn take(bencher: Bencher<'_, '_>, requests: u64) {
    each(bencher, requests, || sent(requests), |node, sequence| assert!(node.take(sequence)));
}

#[divan::bench(args = OUTSTANDING, sample_size = 16)]
fn forget(bencher: Bencher<'_, '_>, requests: u64) {
    each(bencher, requests, || sent(requests), Requests::forget);
}

/// The whole way of one request, while so many others wait for their replies.
#[divan::bench(args = OUTSTANDING, sample_size = 256)]
fn push_pop_take(bencher: Bencher<'_, '_>, requests: u64) {
    let (node, mut sequence) = (sent(requests), requests);
    bencher.bench_local(|| {
        node.push(sequence);
        assert!(node.pop() && node.take(sequence - requests));
        sequence += 1;
    });
}

/// Does it with each of the requests of a node.
fn each(
    bencher: Bencher<'_, '_>,
    requests: u64,
    node: impl Fn() -> Requests,
    work: impl Fn(&Requests, u64),
) {
    let count = ItemsCount::new(requests);
    bencher.counter(count).with_inputs(node).bench_local_refs(|node| {
        (0..requests).for_each(|sequence| work(node, sequence));
    });
}

/// So many requests wait to be sent.
fn queued(requests: u64) -> Requests {
    let node = Requests::default();
    (0..requests).for_each(|sequence| node.push(sequence));
    node
}

/// So many requests wait for their replies.
fn sent(requests: u64) -> Requests {
    let node = queued(requests);
    while node.pop() {}
    node
}
