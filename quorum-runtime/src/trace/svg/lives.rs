use std::io::{self, Write};

use super::layout::is_drawn;
use super::part::Part;
use super::{Diagram, LANE, LEFT, shortened};
use crate::error::NodeError;
use crate::observe::EventKind;
use crate::trace::escape::{clean, xml};

/// How far apart the times at the side are at least.
const TIMES: i64 = 56;

/// The most letters of what is noted that stand in the diagram.
const LETTERS: usize = 48;

impl Diagram<'_> {
    /// The times at the side, and where they are shortened.
    pub(super) fn times(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut lowest = i64::MIN / 2;
        for place in self.layout.shown.clone() {
            let y = self.layout.y(place);
            if is_drawn(&self.run.events[place].kind) && y >= lowest + TIMES {
                lowest = y;
                let time = self.run.time(place).as_secs_f64();
                writeln!(out, "<text class=\"time\" x=\"76\" y=\"{}\">{time:.6} s</text>", y + 3)?;
                writeln!(out, "<path class=\"grid\" d=\"M82 {y}H{}\"/>", self.width())?;
            }
        }
        for (y, time) in &self.layout.gaps {
            let text = format!("{time:.1?} pass");
            writeln!(
                out,
                "<g class=\"gap\"><path d=\"M82 {y}H{}\"/><text x=\"{}\" y=\"{}\">{text}</text></g>",
                self.width(),
                LEFT,
                y - 3,
            )?;
        }
        Ok(())
    }

    /// The line of each process, broken where it does not run.
    pub(super) fn lives(&self, out: &mut dyn Write) -> io::Result<()> {
        for column in self.lanes() {
            let x = self.x(column);
            for (above, below, is_up) in self.spans_of_life(column) {
                let class = if is_up { "life" } else { "down" };
                writeln!(out, "<path class=\"{class}\" d=\"M{x} {above}V{below}\"/>")?;
            }
        }
        Ok(())
    }

    /// From where to where a process runs and does not.
    fn spans_of_life(&self, column: usize) -> Vec<(i64, i64, bool)> {
        let here = |place: &usize| self.run.at[*place] == column;
        let turn = |place: usize| match self.run.events[place].kind {
            EventKind::Started => Some((place, true)),
            EventKind::Crashed => Some((place, false)),
            _ => None,
        };
        let turns: Vec<_> = (0..self.run.events.len()).filter(here).filter_map(turn).collect();
        // What is started first did not run before.
        let starts = turns.first().is_some_and(|(_, up)| *up);
        let (mut is_up, mut above, mut spans) = (!starts, 0, Vec::new());
        for (number, (place, up)) in turns.into_iter().enumerate() {
            if place >= self.layout.shown.end {
                break;
            }
            let y = if place < self.layout.shown.start { 0 } else { self.layout.y(place) };
            // Before its first start there is no process.
            if y > above && !(starts && number == 0) {
                spans.push((above, y, is_up));
            }
            (above, is_up) = (y, up);
        }
        spans.push((above, self.height(), is_up));
        spans
    }

    /// What happens at a process and is no message, and what is said of it.
    pub(super) fn marks(&self, out: &mut dyn Write) -> io::Result<()> {
        for place in self.layout.shown.clone() {
            let Some((class, text)) = self.mark(place) else {
                continue;
            };
            let event = self.run.events[place];
            let columns = if self.run.is_world(place) {
                Vec::new()
            } else {
                let peer = event.peer.map(|peer| self.run.columns.of(peer));
                [Some(self.run.at[place]), peer].into_iter().flatten().collect()
            };
            let shape = self.mark_shape(place, class, &text);
            let (call, says) = (self.run.call_of(place), vec![self.says(place)]);
            let method = self.run.method(place).to_owned();
            let class = format!("mark {class}");
            self.add(&Part { class, call, columns, method, says, shape }, out)?;
        }
        Ok(())
    }

    /// The class of the mark of an event, and the text beside it.
    fn mark(&self, place: usize) -> Option<(&'static str, String)> {
        let short = |text: &str| shortened(&clean(text), LETTERS);
        match &self.run.events[place].kind {
            EventKind::Started => Some(("started", "started".into())),
            EventKind::Crashed => Some(("crashed", "crashed".into())),
            EventKind::Faulted(text) => Some(("fault", short(text))),
            EventKind::Noted(text) => Some(("note", short(text))),
            EventKind::Disconnected(_) => Some(("cut", String::new())),
            EventKind::Connected { .. } => Some(("joined", String::new())),
            // The error that came says it.
            EventKind::Failed(NodeError::Status(_)) => None,
            EventKind::Failed(_) => Some(("failed", String::new())),
            EventKind::HandlerReleased => Some(("released", String::new())),
            _ => None,
        }
    }

    fn mark_shape(&self, place: usize, class: &str, text: &str) -> String {
        let y = self.layout.y(place);
        let text = xml(text);
        if self.run.is_world(place) {
            let width = self.width();
            return format!(
                "<path class=\"across\" d=\"M82 {y}H{width}\"/><text x=\"100\" y=\"{}\">{text}</text>",
                y - 3
            );
        }
        let x = self.x(self.run.at[place]);
        let shape = match class {
            "cut" | "failed" => format!("<path d=\"M{} {}l6 6m0 -6l-6 6\"/>", x - 3, y - 3),
            "joined" | "released" => format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"2\"/>"),
            "crashed" => format!("<path d=\"M{} {}l10 10m0 -10l-10 10\"/>", x - 5, y - 5),
            _ => format!("<path d=\"M{x} {}l5 5l-5 5l-5 -5z\"/>", y - 5),
        };
        if text.is_empty() {
            return shape;
        }
        // In the last column there is room at the left only.
        let is_last =
            self.lanes().end == self.run.at[place] + 1 && text.len() as i64 * 6 > LANE / 2;
        let (class, x) = if is_last { ("left", x - 10) } else { ("right", x + 10) };
        format!("{shape}<text class=\"{class}\" x=\"{x}\" y=\"{}\">{text}</text>", y + 4)
    }
}
