use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use tracing::Span;

use super::{Event, EventKind, ObservedCall, Observer, Process};

/// The observer of a manager or a server, if it has one, and the process that it observes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope(Option<Arc<Observed>>);

pub(super) struct Observed {
    observer: Arc<dyn Observer>,
    at: Process,
    wants_content: bool,
}

/// What an event is about, besides its kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    pub(super) peer: Option<Process>,
    pub(super) method: Cow<'static, str>,
    pub(super) sequence: u64,
    pub(super) waiting: Option<usize>,
    pub(super) content: Bytes,
}

impl Scope {
    pub(crate) fn new(observer: impl Observer) -> Self {
        let (at, wants_content) = (Process::default(), observer.wants_content());
        Self(Some(Arc::new(Observed { observer: Arc::new(observer), at, wants_content })))
    }

    /// This observer too.
    #[cfg(feature = "sim")]
    pub(crate) fn and(self, other: Arc<impl Observer>) -> Self {
        match self.0 {
            Some(observed) => Self::new((Arc::clone(&observed.observer), other)),
            None => Self::new(other),
        }
    }

    /// The process that is observed is this one.
    pub(crate) fn at(&self, at: Process) -> Self {
        let at = |observed: &Arc<Observed>| {
            let (observer, wants_content) =
                (Arc::clone(&observed.observer), observed.wants_content);
            Observed { observer, at, wants_content }
        };
        Self(self.0.as_ref().map(at).map(Arc::new))
    }

    pub(super) const fn observed(&self) -> Option<&Arc<Observed>> {
        self.0.as_ref()
    }

    /// A call is made, to at most this many nodes.
    pub(crate) fn call(
        &self,
        method: &'static str,
        sequence: u64,
        targets: usize,
    ) -> Option<Box<ObservedCall>> {
        let observed = self.0.as_ref()?;
        Some(Box::new(ObservedCall::begin(observed, method, sequence, targets)))
    }
}

impl Observed {
    /// What a message contains, for an observer that asks for it.
    pub(super) fn content(&self, payload: &Bytes) -> Bytes {
        if self.wants_content { payload.clone() } else { Bytes::new() }
    }

    pub(super) fn tell(&self, subject: Subject, kind: EventKind) {
        self.observer.event(&self.event(subject, kind));
    }

    /// Tells an event that begins something, and asks for the span of that.
    pub(super) fn begin(&self, subject: Subject, kind: EventKind) -> (Span, Instant) {
        let event = self.event(subject, kind);
        self.observer.event(&event);
        (self.observer.span(&event), event.time)
    }

    fn event(&self, subject: Subject, kind: EventKind) -> Event {
        let Subject { peer, method, sequence, waiting, content } = subject;
        let time = Instant::now();
        Event { time, at: self.at, peer, method, sequence, waiting, kind, content }
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("at", &self.at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{EventLog, Line, Moment};

    /// The name of a method that must not be asked for.
    struct Unasked;

    impl From<Unasked> for Cow<'static, str> {
        fn from(_: Unasked) -> Self {
            panic!("an event is built")
        }
    }

    #[test]
    fn without_an_observer_no_event_is_built() {
        let scope = Scope::default().at(Process::default());
        assert!(scope.call("a.B.C", 1, 3).is_none());
        let line = Line::new(&scope, Process::default());
        line.tell(Unasked, 1, EventKind::Queued);
        line.tell_at(Moment::default(), Unasked, 1, EventKind::Queued, &Bytes::new());
        assert!(line.handler("a.B.C".into(), 1).is_none());
    }

    #[test]
    fn a_pair_of_observers_is_told_everything_twice() {
        let logs = [(); 2].map(|()| Arc::new(EventLog::new(2)));
        let scope = Scope::new((Arc::clone(&logs[0]), Arc::clone(&logs[1])));
        for sequence in 1..=3 {
            Line::new(&scope, Process::default()).tell("a.B.C", sequence, EventKind::Queued);
        }
        for log in logs {
            let sequences: Vec<_> = log.take().iter().map(|event| event.sequence).collect();
            assert_eq!(sequences, [2, 3], "the newest are kept");
            assert!(log.events().is_empty());
        }
    }
}
