use std::ops::Range;
use std::time::Duration;

use crate::observe::{EventKind, Message};
use crate::trace::matching::Ends;
use crate::trace::run::{Fate, Run};

/// How far a message goes down that takes as long as most do, in pixels.
const USUAL_FALL: f64 = 26.0;

/// What a message goes down at least, so that it can be seen which of its ends is the first.
const MIN_FALL: i64 = 7;

/// The most that events are apart: a longer time is not drawn as long as it is.
const MAX_STEP: i64 = 44;

/// How much longer than that it must be to be marked as shortened.
const LONG: f64 = 4.0;

/// What events of one column are apart at least.
const MIN_STEP: i64 = 7;

/// The same before one that has a text beside it.
const TEXT_STEP: i64 = 12;

/// Where the first event is.
const TOP: i64 = 24;

/// How far down each event stands.
#[derive(Debug)]
pub(super) struct Layout {
    /// The places of the events that are shown.
    pub(super) shown: Range<usize>,
    y: Vec<i64>,
    /// Times that are drawn shorter than they are, and where.
    pub(super) gaps: Vec<(i64, Duration)>,
    pub(super) height: i64,
}

impl Layout {
    pub(super) fn new(run: &Run<'_>, shown: Range<usize>) -> Self {
        let scale = scale(run, &shown);
        let (y, gaps) = (Vec::with_capacity(shown.len()), Vec::new());
        let mut layout = Self { shown: shown.clone(), y, gaps, height: TOP };
        let mut newest: Option<usize> = None;
        let mut lowest = vec![i64::MIN / 2; run.columns.columns.len()];
        for place in shown {
            if !is_drawn(&run.events[place].kind) {
                layout.y.push(layout.height);
                continue;
            }
            let time = newest.map_or(Duration::ZERO, |newest| run.time(place) - run.time(newest));
            let joins = newest.is_some_and(|newest| is_one_fan(run, newest, place));
            let step = time.as_nanos() as f64 * scale;
            // What several messages fan out from is one point.
            if !joins || step > 3.0 {
                layout.step(step, time);
                layout.height = layout.height.max(layout.least(run, place, &lowest));
            }
            layout.y.push(layout.height);
            lowest[run.at[place]] = layout.height;
            newest = Some(place);
        }
        layout.height += TOP;
        layout
    }

    /// How far down an event stands; one that is not shown is at the edge.
    pub(super) fn y(&self, place: usize) -> i64 {
        let last = self.y.len().saturating_sub(1);
        let within = place.saturating_sub(self.shown.start).min(last);
        self.y.get(within).copied().unwrap_or(TOP)
    }

    fn step(&mut self, step: f64, time: Duration) {
        if step > MAX_STEP as f64 * LONG {
            self.gaps.push((self.height + MAX_STEP / 2, time));
        }
        // A float becomes the nearest number there is.
        self.height += (step.round() as i64).min(MAX_STEP);
    }

    /// The highest an event may stand.
    fn least(&self, run: &Run<'_>, place: usize, lowest: &[i64]) -> i64 {
        let step = if has_text(&run.events[place].kind) { TEXT_STEP } else { MIN_STEP };
        let least = lowest[run.at[place]] + step;
        let ends = run.message_of[place].map(|message| run.messages[message].ends);
        match ends.and_then(|ends| ends.sent) {
            Some(sent) if self.shown.start <= sent && sent < place => {
                least.max(self.y(sent) + MIN_FALL)
            }
            _ => least,
        }
    }
}

/// Whether a diagram shows an event.
pub(super) const fn is_drawn(kind: &EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Queued
            | EventKind::Connecting
            | EventKind::Greeted
            | EventKind::CallerCame
            | EventKind::CallerWent
    )
}

/// Whether it has a text beside it.
pub(super) const fn has_text(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Called { .. }
            | EventKind::Started
            | EventKind::Crashed
            | EventKind::Faulted(_)
            | EventKind::Noted(_)
    )
}

/// Whether two events are the sending of one message to several.
fn is_one_fan(run: &Run<'_>, one: usize, other: usize) -> bool {
    let is_sent =
        |place: usize| matches!(run.events[place].kind, EventKind::Sent(Message::Request));
    is_sent(one)
        && is_sent(other)
        && run.at[one] == run.at[other]
        && run.call_of(one) == run.call_of(other)
}

/// Pixels a nanosecond.
fn scale(run: &Run<'_>, shown: &Range<usize>) -> f64 {
    let took = |ends: Ends| {
        let (sent, received) = (ends.sent?, ends.received?);
        (shown.contains(&sent) && shown.contains(&received))
            .then(|| run.time(received).saturating_sub(run.time(sent)).as_nanos())
    };
    let came = run.messages.iter().filter(|message| message.fate != Fate::Lost);
    let mut times: Vec<_> = came.filter_map(|message| took(message.ends)).collect();
    times.retain(|time| *time > 0);
    times.sort_unstable();
    let usual = times.get(times.len() / 2).copied().unwrap_or(1_000_000);
    USUAL_FALL / usual as f64
}
