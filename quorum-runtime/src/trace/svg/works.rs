use std::collections::BTreeMap;
use std::io::{self, Write};

use super::Diagram;
use super::part::Part;
use crate::observe::{CallOutcome, EventKind};
use crate::trace::escape::xml;
use crate::trace::spans::tracks;

/// How wide a bar is, and how far the next is from it.
const BAR: i64 = 4;

/// The most bars of one column that are beside each other.
const TRACKS: usize = 6;

/// How far apart texts are at least.
const TEXT: i64 = 11;

/// A call or a handler, as places among the events.
#[derive(Clone, Copy)]
struct Work {
    begin: Option<usize>,
    end: Option<usize>,
    is_call: bool,
}

impl Diagram<'_> {
    /// A bar for each call, to the left of its process, and for each handler to the right.
    pub(super) fn works(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut works: BTreeMap<(usize, bool), Vec<Work>> = BTreeMap::new();
        for call in &self.run.calls.calls {
            let work = Work { begin: call.called, end: call.ended, is_call: true };
            works.entry((call.id.caller, true)).or_default().push(work);
        }
        for handler in &self.run.handlers {
            let work = Work { begin: Some(handler.begun), end: handler.ended, is_call: false };
            works.entry((handler.at, false)).or_default().push(work);
        }
        for ((column, _), mut works) in works {
            works.retain(|work| self.is_shown(*work));
            works.sort_by_key(|work| work.begin);
            let span =
                |work: &Work| (self.y_of(*work).0, work.end.map(|_| self.y_of(*work).1 + BAR));
            let tracks = tracks(&works.iter().map(span).collect::<Vec<_>>());
            let mut lowest = i64::MIN / 2;
            for (work, track) in works.into_iter().zip(tracks) {
                self.add(&self.work(column, work, track.min(TRACKS), &mut lowest), out)?;
            }
        }
        Ok(())
    }

    fn work(&self, column: usize, work: Work, track: usize, lowest: &mut i64) -> Part {
        let (above, below) = self.y_of(work);
        let away = 3 + (BAR + 2) * track as i64;
        let x = if work.is_call { self.x(column) - away - BAR } else { self.x(column) + away };
        let place = work.begin.or(work.end).unwrap_or(0);
        let call = self.run.call_of(place);
        let height = (below - above).max(2);
        let mut shape =
            format!("<rect x=\"{x}\" y=\"{above}\" width=\"{BAR}\" height=\"{height}\"/>");
        let name = self.run.call_name(place).unwrap_or_default();
        if work.is_call && work.begin.is_some() && above >= *lowest + TEXT {
            *lowest = above;
            let name = xml(&super::shortened(&name, 24));
            shape +=
                &format!("<text class=\"name\" x=\"{}\" y=\"{}\">{name}</text>", x - 3, above + 4);
        }
        let columns = match call {
            Some(call) if work.is_call => self.involved[call].iter().copied().collect(),
            Some(call) => vec![column, self.run.calls.calls[call].id.caller],
            None => vec![column],
        };
        let at = |place: Option<usize>| place.map_or_else(String::new, |place| self.says(place));
        let says = vec![name, at(work.begin), at(work.end)];
        let class = match (work.is_call, self.is_good(work)) {
            (true, true) => "call",
            (true, false) => "call bad",
            (false, true) => "handler",
            (false, false) => "handler bad",
        };
        let method = self.run.method(place).to_owned();
        Part { class: class.to_owned(), call, columns, method, says, shape }
    }

    /// What an event says, with its time.
    pub(super) fn says(&self, place: usize) -> String {
        format!("{:.6} s: {}", self.run.time(place).as_secs_f64(), self.run.words(place))
    }

    fn is_shown(&self, work: Work) -> bool {
        let shown = &self.layout.shown;
        work.begin.is_some_and(|begin| begin < shown.end)
            && work.end.is_none_or(|end| end >= shown.start)
    }

    /// From where to where it goes.
    fn y_of(&self, work: Work) -> (i64, i64) {
        let below = work.end.filter(|end| self.layout.shown.contains(end));
        let above = work.begin.filter(|begin| self.layout.shown.contains(begin));
        (
            above.map_or(0, |begin| self.layout.y(begin)),
            below.map_or(self.height(), |end| self.layout.y(end)),
        )
    }

    fn is_good(&self, work: Work) -> bool {
        let end = work.end.map(|end| &self.run.events[end].kind);
        match end {
            Some(EventKind::Ended { outcome, .. }) => {
                matches!(outcome, CallOutcome::Done | CallOutcome::Dropped | CallOutcome::Cancelled)
            }
            Some(EventKind::HandlerStopped { .. } | EventKind::Crashed) => false,
            _ => true,
        }
    }
}
