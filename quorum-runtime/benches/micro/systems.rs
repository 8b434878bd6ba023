//! Quorum systems: whether a majority of the members is a quorum, and whether one can still come when
//! a minority has failed.

use divan::Bencher;
use quorum_runtime::{
    All, Dissemination, Grid, Joint, Majority, Masking, NodeSet, QuorumSystem, Threshold, Weighted,
    Within,
};

/// How many members there are.
pub(crate) const NODES: [u32; 3] = [3, 9, 101];

pub(crate) fn members(nodes: u32) -> NodeSet {
    (1..=nodes).collect()
}

/// Two benchmarks of one system, which is made for so many members.
macro_rules! system {
    ($name:ident, $system:expr) => {
        mod $name {
            use super::*;

            #[divan::bench(args = NODES)]
            fn is_quorum(bencher: Bencher<'_, '_>, nodes: u32) {
                let replied = nodes / 2 + 1;
                bench(bencher, nodes, replied, $system(nodes), QuorumSystem::is_quorum);
            }

            #[divan::bench(args = NODES)]
            fn can_still(bencher: Bencher<'_, '_>, nodes: u32) {
                let failed = nodes / 2;
                bench(bencher, nodes, failed, $system(nodes), QuorumSystem::can_still);
            }
        }
    };
}

system!(majority, |_| Majority);
system!(threshold, |nodes| Threshold(nodes as usize / 2 + 1));
system!(all, |_| All);
system!(weighted, |nodes| Weighted::new((1..=nodes).map(|node| (node, u64::from(node)))));
system!(grid, |nodes: u32| Grid { columns: nodes.isqrt() as usize });
system!(masking, |nodes| Masking { faults: nodes as usize / 4 });
system!(dissemination, |nodes| Dissemination { faults: nodes as usize / 3 });
system!(within, |nodes| Within::new(Majority, members(nodes / 2)));
system!(joint, |nodes| Joint::new(members(nodes / 2 + 1), members(nodes)));
system!(majority_or_grid, |nodes: u32| Majority.or(Grid { columns: nodes.isqrt() as usize }));

/// Asks it of all members and the first so many of them.
fn bench<System: QuorumSystem + Sync>(
    bencher: Bencher<'_, '_>,
    nodes: u32,
    some: u32,
    system: System,
    question: impl Fn(&System, &NodeSet, &NodeSet) -> bool + Sync,
) {
    let (all, some) = (members(nodes), members(some));
    bencher.bench(|| question(&system, divan::black_box(&all), divan::black_box(&some)));
}
