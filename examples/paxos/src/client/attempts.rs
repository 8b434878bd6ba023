//! The attempts of one command: how long they go on, and whether one of them may have been executed.

use std::time::Duration;

use quorum_runtime::{Code, NodeError, RpcError};
use tokio::time::{Instant, sleep};

use super::{ClientError, Patience};

/// Between two attempts at first; twice as long after each.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(400);

#[derive(Debug)]
pub(super) struct Attempts {
    patience: Patience,
    begun: Instant,
    wait: Duration,
    /// Whether a node may have executed the command, or may yet.
    pub(super) is_unsure: bool,
    last: Option<RpcError>,
}

impl Attempts {
    pub(super) fn new(patience: Patience) -> Self {
        let begun = Instant::now();
        Self { patience, begun, wait: FIRST_WAIT, is_unsure: false, last: None }
    }

    /// How long the next attempt may take, unless the time is up.
    pub(super) fn next(&self) -> Option<Duration> {
        let left = self.patience.whole.saturating_sub(self.begun.elapsed());
        (!left.is_zero()).then(|| left.min(self.patience.attempt))
    }

    /// Waits before the next one, so that who cannot be helped now does not ask again and again.
    pub(super) async fn wait(&mut self, rng: &mut fastrand::Rng) {
        let left = self.patience.whole.saturating_sub(self.begun.elapsed());
        let jittered = self.wait.mul_f64(0.5 + rng.f64() / 2.0);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        sleep(jittered.min(left)).await;
    }

    pub(super) fn failed(&mut self, error: RpcError) {
        self.is_unsure |= may_have_acted(&error.failure().error);
        self.last = Some(error);
    }

    pub(super) fn refused(&mut self, error: RpcError) -> ClientError {
        if !self.is_unsure {
            return ClientError::Refused(error);
        }
        ClientError::Unknown { after: self.begun.elapsed(), last: Some(error) }
    }

    pub(super) fn given_up(&mut self) -> ClientError {
        let (after, last) = (self.patience.whole, self.last.take());
        match self.is_unsure {
            true => ClientError::Unknown { after, last },
            false => ClientError::NoLeader { after, last },
        }
    }
}

/// Whether no node would answer otherwise.
pub(super) fn is_final(error: &RpcError) -> bool {
    let is_refusal = |code| {
        matches!(code, Code::InvalidArgument | Code::FailedPrecondition | Code::Unimplemented)
    };
    match &error.failure().error {
        NodeError::Status(status) => is_refusal(status.code()),
        NodeError::RequestRejected(_) | NodeError::TooLarge { .. } => true,
        _ => false,
    }
}

fn may_have_acted(error: &NodeError) -> bool {
    use NodeError::{Closed, Overloaded, Replaced, RequestRejected, TooLarge, Unreachable};
    !matches!(
        error,
        Unreachable(_)
            | RequestRejected(_)
            | Overloaded { .. }
            | TooLarge { .. }
            | Replaced
            | Closed
    )
}
