use std::pin::Pin;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use futures::Future as _;
use tokio::time::{Instant, Sleep};
use tonic::metadata::MetadataMap;

use super::{Context, Method};
use crate::link::Answer;
use crate::wire::grpc_timeout;

/// When the caller of one call gives up.
#[derive(Debug)]
pub(super) struct Deadline {
    after: Duration,
    /// `None` is further away than the clock can tell.
    at: Option<Instant>,
    /// The nodes are told. A one-way message that does not say so itself has no deadline for those
    /// who handle it: the manager's is how long its sender waits.
    travels: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// What the request says, or else the manager, from this moment on.
    pub(super) fn new(context: &Context, method: Method, metadata: &MetadataMap) -> Self {
        let own = if metadata.is_empty() { None } else { grpc_timeout(metadata.as_ref()) };
        let after = own.unwrap_or(context.timeout);
        let travels = own.is_some() || method.delivery.answer != Answer::Nothing;
        Self { after, at: Instant::now().checked_add(after), travels, sleep: None }
    }

    /// The time that the call was given.
    pub(super) const fn after(&self) -> Duration {
        self.after
    }

    /// What the nodes are told.
    pub(super) fn for_nodes(&self) -> Option<Instant> {
        self.at.filter(|_| self.travels)
    }

    pub(super) fn poll(&mut self, context: &Context, task: &mut Task<'_>) -> Poll<()> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| {
            let _entered = context.runtime.enter();
            Box::pin(tokio::time::sleep_until(at))
        });
        sleep.as_mut().poll(task)
    }
}
