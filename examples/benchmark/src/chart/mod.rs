//! The medians as a picture: small panels, payloads below and nodes beside each other, in which each
//! peer is a line over the number of callers.
//!
//! Calls per second are on a logarithmic scale: a distance is a ratio, and the same one in every panel.
//! The panels of one payload share their scale; those of another begin lower or higher.

mod panel;
mod scale;

use std::fmt::Write as _;

use crate::case::{Case, distinct};
use crate::compare::Medians;
use crate::format::counted;
use crate::measurement::Figures;
use crate::peers::Peer;
use panel::{HEIGHT as PANEL_HEIGHT, Panel, WIDTH as PANEL_WIDTH};
use scale::Scale;

/// Lengths in pixels.
const MARGIN: f64 = 20.0;
const HEAD: f64 = 112.0;
const AXIS: f64 = 40.0;
const NARROWEST: f64 = 660.0;

/// A reader who sees no colours has the dashes.
const STYLE: &str = "\
text { font: 12px system-ui, sans-serif; fill: #1f2933; }
.title { font-size: 18px; font-weight: 600; }
.head { font-weight: 600; }
.note, .tick { fill: #5a6672; }
.tick { font-size: 11px; }
.ratio { font-size: 12px; font-weight: 600; }
.page { fill: #fff; }
.plot { fill: #f5f7f9; }
.grid { stroke: #dde3e8; }
polyline { fill: none; stroke: currentColor; stroke-width: 1.75; }
circle, .ratio { fill: currentColor; }
.quorum { color: #0b63b0; } .unary { color: #c2410c; } .tcp { color: #5f6b76; } .gorums { color: #0f7b5f; }
polyline.quorum { stroke-width: 3; }
polyline.unary { stroke-dasharray: 7 3; } polyline.tcp { stroke-dasharray: 2 3; }
polyline.gorums { stroke-dasharray: 10 3 2 3; }
@media (prefers-color-scheme: dark) {
text { fill: #e4e9ee; }
.note, .tick { fill: #a3afba; }
.page { fill: #14181c; } .plot { fill: #1c2227; } .grid { stroke: #323b43; }
.quorum { color: #6cb6ff; } .unary { color: #ff9a62; } .tcp { color: #b4bec8; } .gorums { color: #5fd3ae; }
}
";

/// The medians of one case.
type Peers = Vec<(Peer, Figures)>;

/// Draws an SVG.
pub(crate) fn chart(medians: &Medians) -> String {
    let cases: Vec<(Case, Peers)> = medians.cases().collect();
    let rows = distinct(cases.iter().map(|(case, _)| case.payload));
    let columns = distinct(cases.iter().map(|(case, _)| case.nodes));
    let callers = distinct(cases.iter().map(|(case, _)| case.callers));
    let width = (2.0 * MARGIN + AXIS + columns.len() as f64 * PANEL_WIDTH).max(NARROWEST);
    let height = HEAD + rows.len() as f64 * PANEL_HEIGHT + MARGIN;

    let mut svg = Svg::new(width, height);
    svg.head(medians, &callers);
    let scales = Scale::of(&rows, &cases);
    for (row, (&payload, scale)) in rows.iter().zip(&scales).enumerate() {
        let y = HEAD + row as f64 * PANEL_HEIGHT;
        scale.axis(&mut svg, MARGIN + AXIS, y);
        for (column, &nodes) in columns.iter().enumerate() {
            let x = MARGIN + AXIS + column as f64 * PANEL_WIDTH;
            let of_panel = |case: &Case| case.payload == payload && case.nodes == nodes;
            let cases = cases.iter().filter(|(case, _)| of_panel(case)).collect();
            Panel { x, y, scale, callers: &callers, cases }.draw(&mut svg);
        }
    }
    svg.0 + "</svg>\n"
}

/// What was drawn so far. Texts are our own: none has a character that XML minds.
struct Svg(String);

impl Svg {
    fn new(width: f64, height: f64) -> Self {
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n<style>{STYLE}</style>\n\
             <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n"
        ))
    }

    fn head(&mut self, medians: &Medians, callers: &[usize]) {
        self.text(MARGIN, 30.0, "title", "Quorum calls per second, of a majority");
        let runs = counted(medians.repeats(), "run");
        let note = format!("Medians of {runs}, on a logarithmic scale, by the number of callers.");
        self.text(MARGIN, 50.0, "note", &note);
        if let Some(most) = callers.iter().max() {
            let callers = counted(*most, "caller");
            let note = format!(
                "On the right, with {callers}: the calls of quorum, and how many times as many \
                 that is as a peer makes."
            );
            self.text(MARGIN, 67.0, "note", &note);
        }
        let peers = distinct(medians.cases().flat_map(|(_, peers)| peers).map(|(peer, _)| peer));
        for (at, peer) in peers.into_iter().enumerate() {
            let x = MARGIN + at as f64 * 110.0;
            self.line(&peer.to_string(), &[(x, 91.0), (x + 34.0, 91.0)]);
            self.text(x + 41.0, 95.0, "head", &peer.to_string());
        }
    }

    fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let _ = writeln!(self.0, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
    }

    /// A text that is about its place, or ends there.
    fn text_at(&mut self, anchor: &str, x: f64, y: f64, text: &str) {
        let _ = writeln!(
            self.0,
            "<text class=\"tick\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        );
    }

    fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(self.0, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
    }
}
