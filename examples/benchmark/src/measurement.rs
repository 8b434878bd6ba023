//! What a run came to.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::machine::Usage;

/// A run, as a line of JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) peer: String,
    /// The type of the calls.
    pub(crate) call: &'static str,
    pub(crate) nodes: usize,
    /// Bytes.
    pub(crate) payload: usize,
    pub(crate) callers: usize,
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// Which of several runs of the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) repeat: Option<usize>,
    /// When it was, for `hang`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phase: Option<&'static str>,
}

/// What was measured. What is not known is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) ops_per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_us_per_op: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) allocs_per_op: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alloc_bytes_per_op: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rss_mib: Option<f64>,
}

impl Figures {
    /// The figures of calls that took so long each, and so much time together.
    pub(crate) fn new(latencies: &Histogram<u64>, time: Duration, used: &Usage) -> Self {
        let calls = latencies.len() as f64;
        let micros = |quantile| rounded(latencies.value_at_quantile(quantile) as f64 / 1000.0);
        Self {
            ops_per_s: rounded(calls / time.as_secs_f64()),
            p50_us: micros(0.5),
            p99_us: micros(0.99),
            cpu_us_per_op: used.cpu.map(|cpu| rounded(cpu.as_secs_f64() * 1e6 / calls)),
            allocs_per_op: used.allocations.map(|count| rounded(count as f64 / calls)),
            alloc_bytes_per_op: used.allocated.map(|bytes| rounded(bytes as f64 / calls)),
            rss_mib: used.resident.map(rounded),
        }
    }

    /// The median of each figure. There is one run at least.
    pub(crate) fn median(runs: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(runs.iter().map(figure).collect());
        let of_known = |figure: fn(&Self) -> Option<f64>| {
            let known: Vec<_> = runs.iter().filter_map(figure).collect();
            (!known.is_empty()).then(|| median(known))
        };
        Self {
            ops_per_s: of(|run| run.ops_per_s),
            p50_us: of(|run| run.p50_us),
            p99_us: of(|run| run.p99_us),
            cpu_us_per_op: of_known(|run| run.cpu_us_per_op),
            allocs_per_op: of_known(|run| run.allocs_per_op),
            alloc_bytes_per_op: of_known(|run| run.alloc_bytes_per_op),
            rss_mib: of_known(|run| run.rss_mib),
        }
    }
}

/// The middle one, or what is halfway between the two in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let upper = figures.len() / 2;
    let lower = figures.len().saturating_sub(1) / 2;
    f64::midpoint(figures[lower], figures[upper])
}

/// To hundredths.
fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(ops_per_s: f64, allocs_per_op: Option<f64>) -> Figures {
        Figures {
            ops_per_s,
            p50_us: 1.0,
            p99_us: 2.0,
            cpu_us_per_op: None,
            allocs_per_op,
            alloc_bytes_per_op: None,
            rss_mib: None,
        }
    }

    #[test]
    fn the_median_is_the_middle_one_whatever_the_order() {
        assert_eq!(median(vec![3.0, 100.0, 1.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 100.0]), 3.0);
        assert_eq!(median(vec![7.0]), 7.0);
    }

    #[test]
    fn what_only_some_runs_know_is_the_median_of_those() {
        let runs = [figures(1.0, None), figures(3.0, Some(5.0)), figures(2.0, Some(7.0))];
        assert_eq!(Figures::median(&runs), figures(2.0, Some(6.0)));
        assert_eq!(Figures::median(&runs[..1]).allocs_per_op, None);
    }

    #[test]
    fn the_figures_of_a_second_of_calls() {
        let mut latencies = Histogram::new(3).unwrap();
        latencies.record_n(1_000, 99).unwrap();
        latencies.record(1_000_000).unwrap();
        let cpu = Some(Duration::from_millis(500));
        let used = Usage { cpu, allocations: Some(1234), allocated: Some(400_000), resident: None };
        let figures = Figures::new(&latencies, Duration::from_millis(500), &used);
        assert_eq!((figures.ops_per_s, figures.p50_us, figures.p99_us), (200.0, 1.0, 1.0));
        assert_eq!((figures.cpu_us_per_op, figures.allocs_per_op), (Some(5000.0), Some(12.34)));
        assert_eq!(figures.alloc_bytes_per_op, Some(4000.0));
    }
}
