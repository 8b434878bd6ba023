//! Sets of nodes.

use divan::Bencher;
use quorum_runtime::NodeSet;

use crate::systems::{NODES, members};

#[divan::bench(args = NODES)]
fn collect(nodes: u32) -> NodeSet {
    members(nodes)
}

#[divan::bench(args = NODES)]
fn contains(bencher: Bencher<'_, '_>, nodes: u32) {
    let (set, last) = (members(nodes), nodes.into());
    bencher.bench(|| divan::black_box(&set).contains(last));
}

#[divan::bench(args = NODES)]
fn insert_in_order(nodes: u32) -> NodeSet {
    let mut set = NodeSet::new();
    for node in 1..=divan::black_box(nodes) {
        set.insert(node.into());
    }
    set
}

#[divan::bench(args = NODES)]
fn common(bencher: Bencher<'_, '_>, nodes: u32) {
    bench(bencher, nodes, |one, other| one.common(other));
}

#[divan::bench(args = NODES)]
fn difference(bencher: Bencher<'_, '_>, nodes: u32) {
    bench(bencher, nodes, |one, other| one.difference(other));
}

#[divan::bench(args = NODES)]
fn union(bencher: Bencher<'_, '_>, nodes: u32) {
    bench(bencher, nodes, |one, other| one.union(other));
}

#[divan::bench(args = NODES)]
fn is_subset(bencher: Bencher<'_, '_>, nodes: u32) {
    bench(bencher, nodes, |one, other| other.is_subset(one));
}

/// Of all nodes, and every other one of them.
fn bench<T>(
    bencher: Bencher<'_, '_>,
    nodes: u32,
    operation: impl Fn(&NodeSet, &NodeSet) -> T + Sync,
) {
    let (all, half) = (members(nodes), (1..=nodes).step_by(2).collect());
    bencher.bench(|| operation(divan::black_box(&all), divan::black_box(&half)));
}
