//! The space-time diagram: columns are processes, time goes down, an arrow is a message.

mod layout;
mod lives;
mod messages;
mod part;
mod works;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::Range;

use self::layout::Layout;
use super::escape::xml;
use super::run::Run;

/// How the diagram looks, in light and in dark.
pub(super) const STYLE: &str = include_str!("diagram.css");

/// Between two columns, in pixels.
const LANE: i64 = 146;

/// What is left of the first column, for the times.
const LEFT: i64 = 90;

/// What is to the right of the last column.
const RIGHT: i64 = 20;

/// What stands above the diagram, where the page does not say it.
const HEAD: i64 = 104;

/// How wide a picture is at least, for what stands above it.
const LEAST_WIDTH: i64 = 760;

/// What is asked of a diagram.
#[derive(Debug)]
pub(super) struct Options {
    /// Calls, by their places among those of the run.
    pub(super) highlighted: BTreeSet<usize>,
    pub(super) max_drawn: usize,
}

/// A diagram of a run, ready to be drawn.
pub(super) struct Diagram<'a> {
    run: &'a Run<'a>,
    options: &'a Options,
    layout: Layout,
    /// The columns with which each call has to do.
    involved: Vec<BTreeSet<usize>>,
}

/// Writes a picture that stands alone.
pub(super) fn write(run: &Run<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let diagram = Diagram::new(run, options);
    let (width, height) = (diagram.width().max(LEAST_WIDTH), diagram.height() + HEAD);
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"quorum-trace\" width=\"{width}\" \
         height=\"{height}\" viewBox=\"0 0 {width} {height}\">"
    )?;
    writeln!(out, "<style>{}</style>", xml_data(STYLE))?;
    writeln!(out, "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>")?;
    writeln!(out, "<text class=\"what\" x=\"16\" y=\"22\">{}</text>", xml(&diagram.summary()))?;
    diagram.legend(out)?;
    for column in diagram.lanes() {
        let (x, title) = (diagram.x(column), xml(&shortened(diagram.run.title(column), 20)));
        writeln!(out, "<text class=\"head\" x=\"{x}\" y=\"{}\">{title}</text>", HEAD - 6)?;
    }
    writeln!(out, "<g transform=\"translate(0 {HEAD})\">")?;
    diagram.draw(out)?;
    writeln!(out, "</g>\n</svg>")
}

impl<'a> Diagram<'a> {
    pub(super) fn new(run: &'a Run<'a>, options: &'a Options) -> Self {
        let layout = Layout::new(run, shown(run, options));
        let mut involved = vec![BTreeSet::new(); run.calls.calls.len()];
        for (place, call) in run.calls.of.iter().enumerate() {
            if let Some(call) = call {
                let peer = run.events[place].peer.map(|peer| run.columns.of(peer));
                involved[*call].extend([Some(run.at[place]), peer].into_iter().flatten());
            }
        }
        Self { run, options, layout, involved }
    }

    pub(super) fn width(&self) -> i64 {
        LEFT + LANE * self.lanes().len() as i64 + RIGHT
    }

    pub(super) const fn height(&self) -> i64 {
        self.layout.height
    }

    /// The columns that are processes.
    pub(super) fn lanes(&self) -> Range<usize> {
        let columns = &self.run.columns.columns;
        0..columns.len() - columns.iter().filter(|column| column.is_world).count()
    }

    /// The middle of a column.
    pub(super) fn x(&self, column: usize) -> i64 {
        LEFT + LANE * column as i64 + LANE / 2
    }

    /// What there is to see, and what is left out.
    pub(super) fn summary(&self) -> String {
        let (run, shown) = (self.run, &self.layout.shown);
        let count = |is: &dyn Fn(&super::run::Sending) -> bool| {
            run.messages.iter().filter(|message| is(message)).count()
        };
        let lost = count(&|message| message.fate == super::run::Fate::Lost);
        let late = count(&|message| message.fate == super::run::Fate::Late);
        let errors = count(&|message| message.is_error());
        let last = run.events.len().checked_sub(1).map(|last| run.time(last)).unwrap_or_default();
        let (events, messages) = (run.events.len(), run.messages.len());
        let mut text = format!(
            "{events} events in {:.3} s; {messages} messages: {lost} lost, {late} late, {errors} errors",
            last.as_secs_f64()
        );
        if shown.len() < events {
            text += &format!(". Shown are the events {} to {} only", shown.start + 1, shown.end);
        }
        text
    }

    /// What lines and colours mean, in rows as wide as the picture.
    fn legend(&self, out: &mut dyn Write) -> io::Result<()> {
        let (mut x, mut y) = (16, 40);
        for (class, shape, word) in LEGEND {
            let width = 48 + 6 * word.len() as i64;
            if x + width > self.width().max(LEAST_WIDTH) {
                (x, y) = (16, y + 18);
            }
            let moved = format!("transform=\"translate({x} {y})\"");
            writeln!(out, "<g {moved}><g class=\"{class}\">{shape}</g>")?;
            writeln!(out, "<text class=\"key\" x=\"30\" y=\"8\">{word}</text></g>")?;
            x += width;
        }
        Ok(())
    }

    /// The elements of the diagram, what lies below first.
    pub(super) fn draw(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(ARROWS.as_bytes())?;
        self.times(out)?;
        self.lives(out)?;
        self.works(out)?;
        self.messages(out)?;
        self.marks(out)?;
        if self.layout.shown.end < self.run.events.len() {
            let (y, left) = (self.height() - 6, self.run.events.len() - self.layout.shown.end);
            let text = format!("the picture stops here: {left} more events are not shown");
            writeln!(out, "<text class=\"what\" x=\"16\" y=\"{y}\">{text}</text>")?;
        }
        Ok(())
    }
}

/// Classes of what is drawn, an example in a box of 24 by 8 pixels, and what it is.
pub(super) const LEGEND: [(&str, &str, &str); 14] = [
    ("m request", LINE, "request"),
    ("m reply", LINE, "reply"),
    ("m error", LINE, "error"),
    ("m late reply", LINE, "late reply"),
    ("m lost", LOST, "lost"),
    ("m unknown", LINE, "other end not seen"),
    ("call", LINE, "call"),
    ("handler", LINE, "handler"),
    ("mark failed", CROSS, "a node's part failed"),
    ("mark joined", DOT, "connected"),
    ("mark cut", CROSS, "disconnected"),
    ("down", LINE, "down"),
    ("mark fault", DIAMOND, "fault"),
    ("mark note", DIAMOND, "note"),
];

const LINE: &str = "<path d=\"M0 4h24\"/>";
const LOST: &str = "<path d=\"M0 4h20m-4 -4l8 8m0 -8l-8 8\"/>";
const CROSS: &str = "<path d=\"M9 1l6 6m0 -6l-6 6\"/>";
const DOT: &str = "<circle cx=\"12\" cy=\"4\" r=\"2.5\"/>";
const DIAMOND: &str = "<path d=\"M12 0l4 4l-4 4l-4 -4z\"/>";

/// The heads of the arrows, one for each colour.
const ARROWS: &str = "<defs>\
    <marker id=\"quorum-request\" class=\"tip request\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" \
    markerUnits=\"userSpaceOnUse\" markerWidth=\"9\" markerHeight=\"9\" orient=\"auto\"><path d=\"M0 .8L8 4L0 7.2z\"/></marker>\
    <marker id=\"quorum-reply\" class=\"tip reply\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" \
    markerUnits=\"userSpaceOnUse\" markerWidth=\"9\" markerHeight=\"9\" orient=\"auto\"><path d=\"M0 .8L8 4L0 7.2z\"/></marker>\
    <marker id=\"quorum-error\" class=\"tip error\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" \
    markerUnits=\"userSpaceOnUse\" markerWidth=\"9\" markerHeight=\"9\" orient=\"auto\"><path d=\"M0 .8L8 4L0 7.2z\"/></marker>\
    <marker id=\"quorum-late\" class=\"tip late\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" \
    markerUnits=\"userSpaceOnUse\" markerWidth=\"9\" markerHeight=\"9\" orient=\"auto\"><path d=\"M0 .8L8 4L0 7.2z\"/></marker>\
    </defs>\n";

/// The events that are shown: the first, or those before the end of what is highlighted.
fn shown(run: &Run<'_>, options: &Options) -> Range<usize> {
    let is_hot =
        |call: &Option<usize>| call.is_some_and(|call| options.highlighted.contains(&call));
    let last = run.calls.of.iter().rposition(is_hot).map_or(0, |last| last + 1);
    let end = last.max(options.max_drawn).min(run.events.len());
    end.saturating_sub(options.max_drawn)..end
}

/// A text of so many letters at most.
fn shortened(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A style sheet of ours as XML has it: it has no letters that need an escape but one.
fn xml_data(style: &str) -> String {
    style.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests;
