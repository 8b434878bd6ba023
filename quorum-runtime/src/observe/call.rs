use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;
use tracing::Span;
use tracing::span::EnteredSpan;

use super::scope::{Observed, Subject};
use super::{CallOutcome, EventKind, Process};
use crate::error::{NodeError, QuorumError, QuorumErrorKind};
use crate::quorum::NodeId;

/// A call as its observer sees it. It is shared by all who may have something to tell of it.
#[derive(Debug)]
pub(crate) struct ObservedCall {
    observed: Arc<Observed>,
    method: &'static str,
    sequence: u64,
    made: Instant,
    /// As long as somebody waits.
    span: Mutex<Span>,
    ended: AtomicBool,
    /// The caller has been told what became of every node, so what becomes of the messages is no
    /// failure of theirs.
    settled: AtomicBool,
}

impl ObservedCall {
    pub(super) fn begin(
        observed: &Arc<Observed>,
        method: &'static str,
        sequence: u64,
        targets: usize,
    ) -> Self {
        let observed = Arc::clone(observed);
        let subject = subject(method, sequence, None);
        let (span, made) = observed.begin(subject, EventKind::Called { targets });
        let (span, ended, settled) =
            (Mutex::new(span), AtomicBool::new(false), AtomicBool::new(false));
        Self { observed, method, sequence, made, span, ended, settled }
    }

    pub(crate) const fn method(&self) -> &'static str {
        self.method
    }

    /// The span in which the call is awaited, as long as what is returned lives.
    pub(crate) fn enter(&self) -> EnteredSpan {
        let span = self.span.lock().unwrap_or_else(PoisonError::into_inner).clone();
        span.entered()
    }

    /// A node's part of the call ended with this error.
    pub(crate) fn failed(&self, node: NodeId, error: &NodeError) {
        if !self.settled.load(Ordering::Acquire) {
            self.tell(Some(node), EventKind::Failed(error.clone()));
        }
    }

    /// From now on nothing that becomes of the messages is told as a failure.
    pub(crate) fn settle(&self) {
        self.settled.store(true, Ordering::Release);
    }

    /// Whoever waited knows how the call ended. Only the first time counts: a call can be asked again.
    pub(crate) fn end(&self, outcome: CallOutcome) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            let elapsed = self.made.elapsed();
            self.tell(None, EventKind::Ended { outcome, elapsed });
        }
    }

    /// Nobody waits any more.
    pub(crate) fn abandon(&self, cancelled: bool) {
        if cancelled {
            self.settle();
        }
        self.end(if cancelled { CallOutcome::Cancelled } else { CallOutcome::Dropped });
        let span = std::mem::replace(
            &mut *self.span.lock().unwrap_or_else(PoisonError::into_inner),
            Span::none(),
        );
        // With the lock released: a subscriber is told.
        drop(span);
    }

    fn tell(&self, node: Option<NodeId>, kind: EventKind) {
        self.observed.tell(subject(self.method, self.sequence, node), kind);
    }
}

fn subject(method: &'static str, sequence: u64, node: Option<NodeId>) -> Subject {
    let peer = node.map(|node| Process { node: Some(node), incarnation: None });
    Subject { peer, method: method.into(), sequence, ..Subject::default() }
}

impl<T> From<&Result<T, NodeError>> for CallOutcome {
    fn from(result: &Result<T, NodeError>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(NodeError::Deadline { .. }) => Self::Deadline,
            Err(_) => Self::Failed,
        }
    }
}

impl<T> From<&Result<T, QuorumError>> for CallOutcome {
    fn from(result: &Result<T, QuorumError>) -> Self {
        let Err(error) = result else {
            return Self::Done;
        };
        match error.kind() {
            QuorumErrorKind::NoQuorum | QuorumErrorKind::TargetsHoldNoQuorum => Self::NoQuorum,
            QuorumErrorKind::Deadline(_) => Self::Deadline,
            QuorumErrorKind::Failed(_) => Self::Failed,
        }
    }
}
