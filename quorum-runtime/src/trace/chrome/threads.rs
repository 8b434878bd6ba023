use std::collections::BTreeMap;

use crate::observe::EventKind;
use crate::trace::run::Run;
use crate::trace::spans::tracks;

/// How long an end of a message is shown, in microseconds: what takes no time cannot be seen, and no
/// arrow can begin there.
const INSTANT: f64 = 1.0;

/// What takes time, and where it is shown.
pub(super) struct Spans {
    /// Of each event with which something begins.
    pub(super) threads: Vec<Option<Thread>>,
    /// By the place of the event with which they begin.
    pub(super) ends: BTreeMap<usize, usize>,
}

/// A line of what a process does: a kind of thing, and which of those that go on at one time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Thread {
    pub(super) kind: Kind,
    track: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Call,
    Handler,
    Message,
    Mark,
}

impl Spans {
    pub(super) fn new(run: &Run<'_>) -> Self {
        let calls = run.calls.calls.iter().map(|call| (call.called, call.ended));
        let handlers = run.handlers.iter().map(|handler| (Some(handler.begun), handler.ended));
        let ends = calls.chain(handlers).filter_map(|(begin, end)| Some((begin?, end?))).collect();
        let mut spans = Self { threads: vec![None; run.events.len()], ends };
        let mut places: BTreeMap<(usize, Kind), Vec<usize>> = BTreeMap::new();
        for (place, event) in run.events.iter().enumerate() {
            if let Some(kind) = Kind::of(&event.kind) {
                places.entry((run.at[place], kind)).or_default().push(place);
            }
        }
        for ((_, kind), places) in places {
            let span = |place: &usize| {
                let begin = micros(run, *place);
                (begin, spans.duration(run, kind, *place).map(|duration| begin + duration))
            };
            let tracks = tracks(&places.iter().map(span).collect::<Vec<_>>());
            for (place, track) in places.into_iter().zip(tracks) {
                spans.threads[place] = Some(Thread { kind, track });
            }
        }
        spans
    }

    /// In microseconds; `None` of what has no end.
    pub(super) fn duration(&self, run: &Run<'_>, kind: Kind, place: usize) -> Option<f64> {
        match kind {
            Kind::Mark => Some(0.0),
            Kind::Message => Some(INSTANT),
            Kind::Call | Kind::Handler => {
                self.ends.get(&place).map(|end| micros(run, *end) - micros(run, place))
            }
        }
    }

    pub(super) fn names(&self, run: &Run<'_>) -> BTreeMap<(usize, Thread), String> {
        let used = self.threads.iter().zip(&run.at);
        let named = |(thread, at): (&Option<Thread>, &usize)| {
            thread.map(|thread| ((*at, thread), thread.name()))
        };
        used.filter_map(named).collect()
    }
}

impl Kind {
    /// What begins with an event, or all that it is.
    const fn of(kind: &EventKind) -> Option<Self> {
        match kind {
            EventKind::Called { .. } => Some(Self::Call),
            EventKind::HandlerBegun => Some(Self::Handler),
            EventKind::Sent(_) | EventKind::Received(_) => Some(Self::Message),
            EventKind::Ended { .. }
            | EventKind::HandlerEnded { .. }
            | EventKind::HandlerStopped { .. } => None,
            _ => Some(Self::Mark),
        }
    }
}

impl Thread {
    pub(super) const fn id(self) -> usize {
        1 + self.kind as usize + 4 * self.track
    }

    fn name(self) -> String {
        let kind = match self.kind {
            Kind::Call => "calls",
            Kind::Handler => "handlers",
            Kind::Message => "messages",
            Kind::Mark => "marks",
        };
        if self.track == 0 { kind.to_owned() } else { format!("{kind} {}", self.track + 1) }
    }
}

/// The time of an event in microseconds.
pub(super) fn micros(run: &Run<'_>, place: usize) -> f64 {
    run.time(place).as_nanos() as f64 / 1000.0
}
