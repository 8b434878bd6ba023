//! The server of this library, and the quorum function.

use quorum_runtime::{All, Any, Call, Level, Majority, Replies, Status, Verdict};

use crate::arguments::Quorum;
use crate::benchmark::{Benchmark, BenchmarkQuorumSpec, Block, Stored};

/// Takes a block and lets it go: what a node does with it would only hide what calling it costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Store;

impl Benchmark for Store {
    async fn store(&self, _: Call, _: Block) -> Result<Stored, Status> {
        Ok(Stored {})
    }

    async fn store_at(&self, _: Call, _: Block) -> Result<Stored, Status> {
        Ok(Stored {})
    }

    async fn spread(&self, _: Call, _: Block) {}

    async fn approach(&self, _: Call, _: Block) -> Result<Stored, Status> {
        Ok(Stored {})
    }
}

impl BenchmarkQuorumSpec for Quorum {
    fn store(&self, _: &Block, replies: &Replies<Stored>) -> Verdict<Stored> {
        let is_stored = match self {
            Self::Majority => replies.is_quorum(&Majority),
            Self::All => replies.is_quorum(&All),
            Self::Any => replies.is_quorum(&Any),
        };
        if is_stored { Verdict::Done(Stored {}) } else { Verdict::Pending }
    }

    fn approach(&self, _: &Block, replies: &Replies<Stored>) -> Verdict<Level<Stored>> {
        let level = Level::new(u32::try_from(replies.len()).unwrap_or(u32::MAX), Stored {});
        match BenchmarkQuorumSpec::store(self, &Block::default(), replies) {
            Verdict::Done(_) => Verdict::Done(level.last()),
            _ => Verdict::Done(level),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With how many acknowledgements a call of five nodes is done.
    fn done_with(quorum: Quorum) -> usize {
        let mut replies = Replies::new(1..=5);
        for node in 1..=5 {
            replies = replies.with_reply(node, Stored {});
            let verdict = BenchmarkQuorumSpec::store(&quorum, &Block::default(), &replies);
            if verdict == Verdict::Done(Stored {}) {
                return replies.len();
            }
        }
        panic!("{quorum:?} is never reached");
    }

    #[test]
    fn a_call_is_done_with_the_quorum_that_peers_count_to() {
        for quorum in [Quorum::Majority, Quorum::All, Quorum::Any] {
            assert_eq!(done_with(quorum), quorum.of(5), "{quorum:?}");
        }
        assert_eq!([1, 2, 3, 4, 5].map(|nodes| Quorum::Majority.of(nodes)), [1, 2, 2, 3, 3]);
    }

    #[test]
    fn each_acknowledgement_is_a_level_and_that_of_the_quorum_the_last() {
        let replies = Replies::new(1..=3).with_reply(1, Stored {});
        let level = |replies: &Replies<Stored>| {
            let verdict =
                BenchmarkQuorumSpec::approach(&Quorum::Majority, &Block::default(), replies);
            let Verdict::Done(level) = verdict else { panic!("{verdict:?}") };
            (level.number, level.is_last)
        };
        assert_eq!(level(&replies), (1, false));
        assert_eq!(level(&replies.with_reply(3, Stored {})), (2, true));
    }
}
