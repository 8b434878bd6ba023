use std::fmt::Write as _;

use super::panel::{PLOT_HEIGHT, TOP};
use super::{Peers, Svg};
use crate::case::Case;
use crate::format::short;

/// What calls per second are at the bottom of a plot, and how many pixels a tenfold is.
#[derive(Debug)]
pub(super) struct Scale {
    lowest: f64,
    tenfold: f64,
}

/// Room above the highest point and below the lowest, as a power of ten.
const ROOM: f64 = 0.12;

impl Scale {
    /// One for each payload. They differ in where they begin.
    pub(super) fn of(payloads: &[usize], cases: &[(Case, Peers)]) -> Vec<Self> {
        let ranges: Vec<_> = payloads.iter().map(|payload| range(*payload, cases)).collect();
        let widest = ranges.iter().map(|(low, high)| high - low).fold(0.5, f64::max) + 2.0 * ROOM;
        let tenfold = PLOT_HEIGHT / widest;
        let scale = |(low, high)| Self { lowest: f64::midpoint(low, high) - widest / 2.0, tenfold };
        ranges.into_iter().map(scale).collect()
    }

    /// How far above the bottom of the plot.
    pub(super) fn height(&self, ops_per_s: f64) -> f64 {
        (ops_per_s.log10() - self.lowest) * self.tenfold
    }

    /// Round numbers, from the lowest.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        // All of 1, 2, 5 where they don't touch each other.
        let steps: &[f64] = if self.tenfold > 45.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let powers = (-2..10).map(|power| 10f64.powi(power));
        let ticks = powers.flat_map(|power| steps.iter().map(move |step| step * power));
        ticks.filter(|tick| (0.0..=PLOT_HEIGHT).contains(&self.height(*tick)))
    }

    /// The numbers, to the left of a row of panels.
    pub(super) fn axis(&self, svg: &mut Svg, x: f64, y: f64) {
        for tick in self.ticks() {
            let y = y + TOP + PLOT_HEIGHT - self.height(tick);
            svg.text_at("end", x - 6.0, y + 4.0, &short(tick));
        }
    }

    /// Lines at them, across a plot.
    pub(super) fn grid(&self, svg: &mut Svg, x: f64, bottom: f64, width: f64) {
        for tick in self.ticks() {
            let (y, to) = (bottom - self.height(tick), x + width);
            let _ = writeln!(
                svg.0,
                "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to:.1}\" y2=\"{y:.1}\"/>"
            );
        }
    }
}

/// The fewest and the most calls per second with this payload, as powers of ten.
fn range(payload: usize, cases: &[(Case, Peers)]) -> (f64, f64) {
    let peers = cases.iter().filter(|(case, _)| case.payload == payload).flat_map(|(_, p)| p);
    let powers = peers.map(|(_, figures)| figures.ops_per_s.max(0.01).log10());
    powers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), power| {
        (low.min(power), high.max(power))
    })
}
