use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;
use tracing::Span;
use tracing::span::EnteredSpan;

use super::scope::{Observed, Subject};
use super::{CallOutcome, EventKind, Process};
use crate::error::{NodeError, QuorumError, QuorumErrorKind};
use crate::quorum::NodeId;

/// A call as its observer sees it, from when it is made until nobody waits for it.
#[derive(Debug)]
pub(crate) struct ObservedCall {
    about: Arc<About>,
    made: Instant,
    span: Span,
    ended: bool,
}

/// What the nodes' parts of one call share.
#[derive(Debug)]
pub(crate) struct About {
    observed: Arc<Observed>,
    method: &'static str,
    sequence: u64,
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
        let about = About { observed, method, sequence, settled: AtomicBool::new(false) };
        let (span, made) = about.observed.begin(about.subject(None), EventKind::Called { targets });
        Self { about: Arc::new(about), made, span, ended: false }
    }

    pub(crate) const fn about(&self) -> &Arc<About> {
        &self.about
    }

    /// The span in which the call is awaited, as long as what is returned lives.
    pub(crate) fn enter(&self) -> EnteredSpan {
        self.span.clone().entered()
    }

    /// Whoever waited knows how the call ended. Only the first time counts: a call can be asked again.
    pub(crate) fn end(&mut self, outcome: CallOutcome) {
        if !self.ended {
            self.ended = true;
            let elapsed = self.made.elapsed();
            self.about.tell(None, EventKind::Ended { outcome, elapsed });
        }
    }
}

impl About {
    pub(crate) const fn method(&self) -> &'static str {
        self.method
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

    fn tell(&self, node: Option<NodeId>, kind: EventKind) {
        self.observed.tell(self.subject(node), kind);
    }

    fn subject(&self, node: Option<NodeId>) -> Subject {
        Subject {
            peer: node.map(|node| Process { node: Some(node), incarnation: None }),
            method: self.method.into(),
            sequence: self.sequence,
            waiting: None,
        }
    }
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
