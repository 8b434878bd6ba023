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
