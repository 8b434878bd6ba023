use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;

use super::scope::{Observed, Subject};
use super::{EventKind, Message, ObservedHandler, Process, Scope};
use crate::wire::{self, Envelope};

/// What goes on between this process and one other, if it is observed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(Option<Ends>);

#[derive(Clone, Debug)]
struct Ends {
    observed: Arc<Observed>,
    peer: Process,
}

/// What is known of a peer, and of the queue to it, at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    /// What the last connection has told of the peer.
    pub(crate) incarnation: Option<u64>,
    /// How many messages wait for the connection.
    pub(crate) waiting: usize,
}

impl Line {
    pub(crate) fn new(scope: &Scope, peer: Process) -> Self {
        Self(scope.observed().cloned().map(|observed| Ends { observed, peer }))
    }

    pub(crate) const fn is_observed(&self) -> bool {
        self.0.is_some()
    }

    /// Something happened between this process and the peer. An event of no call has neither method
    /// nor number.
    pub(crate) fn tell(
        &self,
        method: impl Into<Cow<'static, str>>,
        sequence: u64,
        kind: EventKind,
    ) {
        if let Some(Ends { observed, peer }) = &self.0 {
            let (peer, method) = (Some(*peer), method.into());
            observed.tell(Subject { peer, method, sequence, ..Subject::default() }, kind);
        }
    }

    /// A message with this payload was sent or received.
    pub(crate) fn tell_message(
        &self,
        method: impl Into<Cow<'static, str>>,
        sequence: u64,
        kind: EventKind,
        payload: &Bytes,
    ) {
        if let Some(Ends { observed, peer }) = &self.0 {
            let (peer, method) = (Some(*peer), method.into());
            let content = observed.content(payload);
            observed.tell(Subject { peer, method, sequence, waiting: None, content }, kind);
        }
    }

    /// The same at a peer of which connections tell more; what has no payload has an empty one.
    pub(crate) fn tell_at(
        &self,
        moment: Moment,
        method: impl Into<Cow<'static, str>>,
        sequence: u64,
        kind: EventKind,
        payload: &Bytes,
    ) {
        if let Some(Ends { observed, peer }) = &self.0 {
            let incarnation = moment.incarnation.or(peer.incarnation);
            let peer = Some(Process { incarnation, ..*peer });
            let (method, content) = (method.into(), observed.content(payload));
            let waiting = kind.is_of_queue().then_some(moment.waiting);
            observed.tell(Subject { peer, method, sequence, waiting, content }, kind);
        }
    }

    /// Tells that a handler begins, if that is observed.
    pub(crate) fn handler(
        &self,
        method: Cow<'static, str>,
        sequence: u64,
    ) -> Option<Box<ObservedHandler>> {
        let Ends { observed, peer } = self.0.as_ref()?;
        let subject = Subject { peer: Some(*peer), method, sequence, ..Subject::default() };
        Some(Box::new(ObservedHandler::begin(observed, subject)))
    }
}

/// A line as long as the stream of a caller is open, at the node that handles its requests.
#[derive(Debug)]
pub(crate) struct OpenLine(Line);

impl OpenLine {
    pub(crate) fn new(line: Line) -> Self {
        line.tell("", 0, EventKind::CallerCame);
        Self(line)
    }
}

impl Deref for OpenLine {
    type Target = Line;

    fn deref(&self) -> &Line {
        &self.0
    }
}

impl Drop for OpenLine {
    fn drop(&mut self) {
        self.0.tell("", 0, EventKind::CallerWent);
    }
}

impl Message {
    /// What an answer on the wire is.
    pub(crate) fn answer(envelope: &Envelope) -> Self {
        match &envelope.status {
            Some(status) if status.code != 0 => Self::Error(status.code.into()),
            _ if wire::is_end(&envelope.entries) => Self::End,
            _ => Self::Reply,
        }
    }

    /// What a message on the wire is that begins or cancels a call.
    pub(crate) fn asking(envelope: &Envelope) -> Self {
        if wire::is_cancel(envelope) { Self::Cancel } else { Self::Request }
    }
}
