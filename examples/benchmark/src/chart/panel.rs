use std::fmt::Write as _;

use super::scale::Scale;
use super::{Peers, Svg};
use crate::case::{Case, distinct};
use crate::compare::ours;
use crate::format::{bytes, counted, figure, short};
use crate::peers::Peer;

/// Lengths in pixels. What is beside the plot belongs to the panel.
pub(super) const WIDTH: f64 = 224.0;
pub(super) const HEIGHT: f64 = 196.0;
pub(super) const PLOT_HEIGHT: f64 = 132.0;
pub(super) const TOP: f64 = 28.0;
const PLOT_WIDTH: f64 = 156.0;
const INSET: f64 = 14.0;
const LINE: f64 = 14.0;

/// All callers with one payload and one number of nodes.
pub(super) struct Panel<'a> {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) scale: &'a Scale,
    pub(super) callers: &'a [usize],
    pub(super) cases: Vec<&'a (Case, Peers)>,
}

impl Panel<'_> {
    pub(super) fn draw(&self, svg: &mut Svg) {
        let Some((case, _)) = self.cases.first() else {
            return;
        };
        let head = format!("{}, {}", counted(case.nodes, "node"), bytes(case.payload));
        svg.text(self.x, self.y + TOP - 8.0, "head", &head);
        let (x, y) = (self.x, self.y + TOP);
        let _ = writeln!(
            svg.0,
            "<rect class=\"plot\" x=\"{x}\" y=\"{y}\" width=\"{PLOT_WIDTH}\" height=\"{PLOT_HEIGHT}\"/>"
        );
        self.scale.grid(svg, x, self.bottom(), PLOT_WIDTH);
        for (at, callers) in self.callers.iter().enumerate() {
            svg.text_at("middle", self.at(at), self.bottom() + 16.0, &callers.to_string());
        }
        svg.text_at("start", x + PLOT_WIDTH + 6.0, self.bottom() + 16.0, "callers");
        let peers = self.cases.iter().flat_map(|(_, peers)| peers).map(|(peer, _)| *peer);
        for peer in distinct(peers) {
            self.peer(svg, peer);
        }
        self.ratios(svg);
    }

    fn bottom(&self) -> f64 {
        self.y + TOP + PLOT_HEIGHT
    }

    /// Where so many callers are, of those that there are: all as far from each other.
    fn at(&self, callers: usize) -> f64 {
        let gaps = self.callers.len().saturating_sub(1);
        match gaps {
            0 => self.x + PLOT_WIDTH / 2.0,
            _ => self.x + INSET + callers as f64 * (PLOT_WIDTH - 2.0 * INSET) / gaps as f64,
        }
    }

    /// A line with a point for each number of callers, which says its figures when it is pointed at.
    fn peer(&self, svg: &mut Svg, peer: Peer) {
        let mut points = Vec::new();
        for (at, callers) in self.callers.iter().enumerate() {
            let case = self.cases.iter().find(|(case, _)| case.callers == *callers);
            let figures = case.and_then(|(_, peers)| peers.iter().find(|(name, _)| *name == peer));
            if let Some((_, figures)) = figures {
                points.push((self.at(at), figures.ops_per_s, callers));
            }
        }
        let place = |ops_per_s| self.bottom() - self.scale.height(ops_per_s);
        let line: Vec<_> = points.iter().map(|&(x, calls, _)| (x, place(calls))).collect();
        svg.line(&peer.to_string(), &line);
        for (x, calls, callers) in points {
            let (y, callers, calls) = (place(calls), counted(*callers, "caller"), figure(calls));
            let _ = writeln!(
                svg.0,
                "<circle class=\"{peer}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\">\
                 <title>{peer}, {callers}: {calls} calls per second</title></circle>"
            );
        }
    }

    /// What the most callers came to, each figure beside the end of its line, and none over another.
    fn ratios(&self, svg: &mut Svg) {
        let Some((_, peers)) = self.cases.iter().max_by_key(|(case, _)| case.callers) else {
            return;
        };
        let Some(ours) = ours(peers) else {
            return;
        };
        let mut peers: Vec<_> = peers.iter().collect();
        peers.sort_by(|(_, one), (_, other)| other.ops_per_s.total_cmp(&one.ops_per_s));
        let mut lowest = f64::NEG_INFINITY;
        for (at, (peer, figures)) in peers.iter().enumerate() {
            let calls = figures.ops_per_s;
            let text = match peer {
                Peer::Quorum => short(calls),
                _ => format!("{}×", figure(ours / calls)),
            };
            // Those below need room too.
            let below = (peers.len() - 1 - at) as f64 * LINE;
            let y = self.bottom() - self.scale.height(calls) + 4.0;
            lowest = y.min(self.bottom() - below).max(lowest + LINE);
            svg.text(self.x + PLOT_WIDTH + 6.0, lowest, &format!("ratio {peer}"), &text);
        }
    }
}
