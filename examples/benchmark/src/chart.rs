//! The medians as a picture: a panel for each case, with a bar for each peer.

use std::fmt::Write as _;

use crate::case::Case;
use crate::compare::{Medians, ours};
use crate::format::{bytes, counted, figure};
use crate::measurement::Figures;
use crate::peers::Peer;

/// Lengths in pixels.
const MARGIN: usize = 24;
const TITLE: usize = 84;
const NAMES: usize = 96;
const BAR: usize = 22;
const STEP: usize = 30;
const GAP: usize = 46;
const PEER: usize = 58;
const LONGEST: usize = 150;
const LABEL: usize = 128;
const NARROWEST: usize = 760;
const PANEL: usize = PEER + LONGEST + LABEL;

const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #1f2933; }
.title { font-size: 19px; font-weight: 600; }
.note, .ratio { fill: #66727f; }
.head { font-weight: 600; }
.peer { text-anchor: end; }
.bar { fill: #b4bfca; }
.ours { fill: #1769aa; }
";

/// Draws an SVG. Bars of one panel share a scale; panels don't, because callers change more than peers.
pub(crate) fn chart(medians: &Medians) -> String {
    let cases: Vec<_> = medians.cases().collect();
    let rows = distinct(cases.iter().map(|(case, _)| (case.nodes, case.payload)));
    let columns = distinct(cases.iter().map(|(case, _)| case.callers));
    let bars = cases.iter().map(|(_, peers)| peers.len()).max().unwrap_or_default();
    let row_height = bars * STEP + GAP;
    let width = (2 * MARGIN + NAMES + columns.len() * PANEL).max(NARROWEST);
    let height = TITLE + rows.len() * row_height + MARGIN;

    let mut svg = Svg(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<style>{STYLE}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    ));
    svg.text(MARGIN, 34, "title", "Quorum calls per second, of a majority");
    let note = "× is how many times as many calls quorum makes. Each panel has a scale of its own.";
    svg.text(
        MARGIN,
        56,
        "note",
        &format!("Medians of {}. {note}", counted(medians.repeats(), "run")),
    );
    for (row, &(nodes, payload)) in rows.iter().enumerate() {
        let y = TITLE + row * row_height;
        svg.text(MARGIN, y + GAP + 15, "head", &counted(nodes, "node"));
        svg.text(MARGIN, y + GAP + 35, "note", &format!("{} each", bytes(payload)));
    }
    for (case, peers) in &cases {
        let row =
            rows.iter().position(|row| *row == (case.nodes, case.payload)).unwrap_or_default();
        let column =
            columns.iter().position(|callers| *callers == case.callers).unwrap_or_default();
        svg.panel(MARGIN + NAMES + column * PANEL, TITLE + row * row_height, *case, peers);
    }
    svg.0 + "</svg>\n"
}

struct Svg(String);

impl Svg {
    fn panel(&mut self, x: usize, y: usize, case: Case, peers: &[(&str, Figures)]) {
        self.text(x + PEER, y + GAP - 14, "head", &counted(case.callers, "caller"));
        let most = peers.iter().map(|(_, figures)| figures.ops_per_s).fold(0.0, f64::max);
        let (quorum, ours) = (Peer::Quorum.to_string(), ours(peers));
        for (at, (peer, figures)) in peers.iter().enumerate() {
            let y = y + GAP + at * STEP;
            let is_ours = *peer == quorum;
            let length = (figures.ops_per_s / most * LONGEST as f64).max(1.0);
            self.text(x + PEER - 8, y + 16, "peer", peer);
            let class = if is_ours { "bar ours" } else { "bar" };
            let bar = x + PEER;
            let _ = writeln!(
                self.0,
                "<rect class=\"{class}\" x=\"{bar}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>"
            );
            let ratio = ours.filter(|_| !is_ours).map(|ours| ours / figures.ops_per_s);
            let ratio = ratio.map(|ratio| format!("{}×", figure(ratio))).unwrap_or_default();
            let _ = writeln!(
                self.0,
                "<text x=\"{:.1}\" y=\"{}\">{}<tspan class=\"ratio\" dx=\"8\">{ratio}</tspan></text>",
                bar as f64 + length + 6.0,
                y + 16,
                figure(figures.ops_per_s),
            );
        }
    }

    /// Texts are our own: none has a character that XML minds.
    fn text(&mut self, x: usize, y: usize, class: &str, text: &str) {
        let _ = writeln!(self.0, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>");
    }
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}
