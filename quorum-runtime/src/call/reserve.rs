use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};
use std::time::Duration;

use futures::Future as _;
use tokio::time::{Instant, Sleep};

use super::Context;
use crate::node::Node;
use crate::quorum::{NodeId, NodeSet, QuorumSystem, complete};
use crate::wire::Envelope;

/// How the calls of a thrifty configuration contact nodes.
pub(crate) struct Hedge {
    /// Of these quorums the fastest is contacted first.
    pub(crate) system: Box<dyn QuorumSystem + Send + Sync>,
    /// How long a contacted node may take before another one is contacted too.
    pub(crate) delay: Duration,
}

/// The messages of a thrifty call that are held back, as their nodes may not be needed.
///
/// **Invariant:** after [`take_needed`](Self::take_needed), the nodes that are counted on, which are
/// those that have replied and those that may still do so in time, are a quorum, or every node is
/// contacted; and somebody is waited for, or every node is contacted.
pub(crate) struct Reserve {
    hedge: Arc<Hedge>,
    members: Arc<NodeSet>,
    /// The best first.
    held: Vec<(Node, Envelope)>,
    /// Contacted nodes that have replied, or are not late to do so.
    counted: NodeSet,
    /// Those of them that have not replied, in the order in which they were contacted, and so in
    /// that in which they will be late. `None` is further away than the clock can tell.
    awaited: VecDeque<(NodeId, Option<Instant>)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Reserve {
    pub(crate) fn new(hedge: Arc<Hedge>, members: Arc<NodeSet>) -> Self {
        Self {
            hedge,
            members,
            held: Vec::new(),
            counted: NodeSet::new(),
            awaited: VecDeque::new(),
            timer: None,
        }
    }

    /// Holds a message back for a node that is no better than those before.
    pub(super) fn hold(&mut self, node: &Node, envelope: Envelope) {
        self.held.push((node.clone(), envelope));
    }

    /// Whether every node is contacted.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The nodes whose messages are held back, the best first.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.held.iter().map(|(node, _)| node.id())
    }

    /// Takes out the messages that are to be sent now, and counts on their nodes from now on.
    pub(super) fn take_needed(&mut self) -> Vec<(Node, Envelope)> {
        if self.held.is_empty() {
            return Vec::new();
        }
        let mut needed = complete(&self.hedge.system, &self.members, &self.counted, self.nodes());
        if needed.is_empty() && self.awaited.is_empty() {
            needed.extend(self.nodes().take(1));
        }
        if needed.is_empty() {
            return Vec::new();
        }
        let late_at = Instant::now().checked_add(self.hedge.delay);
        self.awaited.extend(needed.iter().map(|node| (node, late_at)));
        self.counted.extend(&needed);
        let held = std::mem::take(&mut self.held).into_iter();
        let taken;
        (taken, self.held) = held.partition(|(node, _)| needed.contains(node.id()));
        taken
    }

    /// Waits until somebody is late, and counts on those no more who are.
    pub(super) fn poll_late(&mut self, context: &Context, task: &mut Task<'_>) -> Poll<()> {
        let first = self.awaited.front().and_then(|(_, late_at)| *late_at);
        let (Some(first), false) = (first, self.held.is_empty()) else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| {
            let _entered = context.runtime.enter();
            Box::pin(tokio::time::sleep_until(first))
        });
        if timer.deadline() != first {
            timer.as_mut().reset(first);
        }
        ready!(timer.as_mut().poll(task));
        let is_late = |&&(_, at): &&(NodeId, Option<Instant>)| at.is_some_and(|at| at <= first);
        while let Some(&(node, _)) = self.awaited.front().filter(is_late) {
            self.awaited.pop_front();
            self.counted.remove(node);
        }
        Poll::Ready(())
    }

    /// The node has replied, late or not.
    pub(super) fn replied(&mut self, node: NodeId) {
        self.awaited.retain(|(awaited, _)| *awaited != node);
        self.counted.insert(node);
    }

    /// The node will not reply.
    pub(super) fn failed(&mut self, node: NodeId) {
        self.awaited.retain(|(awaited, _)| *awaited != node);
        self.counted.remove(node);
    }
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve")
            .field("delay", &self.hedge.delay)
            .field("held", &self.nodes().collect::<NodeSet>())
            .field("counted", &self.counted)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::future::poll_fn;

    use super::*;
    use crate::Manager;
    use crate::quorum::{All, Grid, Majority, Threshold};

    const DELAY: Duration = Duration::from_millis(100);

    /// A reserve with a message for each of this many members, the best first.
    fn reserve(
        members: u32,
        system: impl QuorumSystem + Send + Sync + 'static,
        delay: Duration,
    ) -> Reserve {
        let hedge = Hedge { system: Box::new(system), delay };
        let nodes = (1..=members).map(|id| format!("127.0.0.1:{id}"));
        let manager = Manager::builder().nodes(nodes).build().expect("a manager");
        let members = manager.nodes().iter().map(Node::id).collect();
        let mut reserve = Reserve::new(Arc::new(hedge), Arc::new(members));
        for node in manager.nodes() {
            reserve.hold(&node, Envelope::default());
        }
        reserve
    }

    fn taken(reserve: &mut Reserve) -> Vec<u32> {
        reserve.take_needed().iter().map(|(node, _)| node.id().get()).collect()
    }

    /// Waits until somebody is late, and tells how many milliseconds that took.
    async fn late(reserve: &mut Reserve) -> u128 {
        let context = Context::new(DELAY, 0, tokio::runtime::Handle::current());
        let begun = Instant::now();
        poll_fn(|task| reserve.poll_late(&context, task)).await;
        begun.elapsed().as_millis()
    }

    async fn nobody_is_late(reserve: &mut Reserve) -> bool {
        tokio::time::timeout(Duration::from_secs(3600), late(reserve)).await.is_err()
    }

    #[tokio::test]
    async fn a_quorum_is_taken_first_and_nobody_else_while_all_is_well() {
        let mut reserve = reserve(5, Majority, DELAY);
        assert_eq!(taken(&mut reserve), [1, 2, 3]);
        assert_eq!(taken(&mut reserve), [0; 0]);
        reserve.replied(2.into());
        assert_eq!(taken(&mut reserve), [0; 0]);
        assert!(!reserve.is_empty());
    }

    #[tokio::test]
    async fn one_that_fails_is_replaced_at_once() {
        let mut reserve = reserve(5, Majority, DELAY);
        taken(&mut reserve);
        reserve.replied(1.into());
        reserve.failed(2.into());
        assert_eq!(taken(&mut reserve), [4]);
        reserve.failed(4.into());
        assert_eq!(taken(&mut reserve), [5]);
        assert!(reserve.is_empty());
        reserve.failed(5.into());
        assert_eq!(taken(&mut reserve), [0; 0]);
    }

    #[tokio::test]
    async fn when_all_have_answered_the_next_is_taken_one_at_a_time() {
        let mut reserve = reserve(5, Threshold(2), DELAY);
        assert_eq!(taken(&mut reserve), [1, 2]);
        for (node, next) in [(1, vec![]), (2, vec![3]), (3, vec![4]), (4, vec![5]), (5, vec![])] {
            reserve.replied(node.into());
            assert_eq!(taken(&mut reserve), next, "after {node}");
        }
    }

    #[tokio::test]
    async fn somebody_is_taken_even_if_nobody_is_needed() {
        let mut reserve = reserve(3, Threshold(0), DELAY);
        assert_eq!(taken(&mut reserve), [1]);
    }

    #[tokio::test]
    async fn all_are_taken_at_once_when_they_hold_no_quorum_or_all_are_needed() {
        assert_eq!(taken(&mut reserve(3, Threshold(4), DELAY)), [1, 2, 3]);
        assert_eq!(taken(&mut reserve(3, All, DELAY)), [1, 2, 3]);
    }

    #[tokio::test]
    async fn the_place_of_one_in_a_grid_is_taken_by_those_who_make_a_quorum() {
        // 1 2 3
        // 4 5 6
        let mut reserve = reserve(6, Grid { columns: 3 }, DELAY);
        assert_eq!(taken(&mut reserve), [1, 2, 3, 4]);
        reserve.failed(2.into());
        assert_eq!(taken(&mut reserve), [5, 6], "the other row: the first can't be full any more");
    }

    #[tokio::test(start_paused = true)]
    async fn each_that_is_late_is_joined_by_another_after_each_delay() {
        let mut reserve = reserve(5, Majority, DELAY);
        taken(&mut reserve);
        reserve.replied(3.into());
        reserve.replied(1.into());
        assert_eq!(late(&mut reserve).await, 100);
        assert_eq!(taken(&mut reserve), [4]);
        assert_eq!(late(&mut reserve).await, 100);
        assert_eq!(taken(&mut reserve), [5]);
        assert!(nobody_is_late(&mut reserve).await, "nobody is left to be sent anything");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_came_in_later_is_late_later() {
        let mut reserve = reserve(7, Majority, DELAY);
        assert_eq!(taken(&mut reserve), [1, 2, 3, 4]);
        tokio::time::advance(DELAY * 6 / 10).await;
        reserve.failed(1.into());
        assert_eq!(taken(&mut reserve), [5]);
        reserve.replied(2.into());
        reserve.replied(3.into());
        assert_eq!(late(&mut reserve).await, 40);
        assert_eq!(taken(&mut reserve), [6], "4 is late");
        assert_eq!(late(&mut reserve).await, 60);
        assert_eq!(taken(&mut reserve), [7], "5 is late");
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_reply_counts() {
        let mut reserve = reserve(5, Majority, DELAY);
        taken(&mut reserve);
        late(&mut reserve).await;
        (1..=3).for_each(|node: u32| reserve.replied(node.into()));
        assert_eq!(taken(&mut reserve), [4], "one more, as all have answered");
        reserve.failed(4.into());
        assert_eq!(taken(&mut reserve), [5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_that_never_passes_makes_nobody_late() {
        let mut reserve = reserve(5, Majority, Duration::MAX);
        taken(&mut reserve);
        assert!(nobody_is_late(&mut reserve).await);
        reserve.failed(1.into());
        assert_eq!(taken(&mut reserve), [4]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_delay_all_are_contacted_by_whoever_waits() {
        let mut reserve = reserve(5, Majority, Duration::ZERO);
        taken(&mut reserve);
        assert_eq!(late(&mut reserve).await, 0);
        assert_eq!(taken(&mut reserve), [4, 5]);
    }
}
