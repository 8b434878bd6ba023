//! What a run comes to, and a table of it.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::clients::Counters;

/// The figures of a run, or their medians.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
    max: f64,
    syncs: Option<f64>,
    bytes_logged: Option<f64>,
    bytes_written: Option<f64>,
    errors: f64,
}

pub(super) const HEAD: &str = "\
peer            operations/s   p50 ms   p99 ms   max ms  fsyncs/s  logged B/op  written B/op  errors";

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
impl Figures {
    pub(super) fn new(
        done: u64,
        time: Duration,
        latencies: &Histogram<u64>,
        counters: Counters,
        errors: u64,
    ) -> Self {
        let quantile = |quantile| milliseconds(latencies.value_at_quantile(quantile));
        let each = |count: Option<u64>| Some(count? as f64 / done.max(1) as f64);
        Self {
            rate: done as f64 / time.as_secs_f64(),
            p50: quantile(0.5),
            p99: quantile(0.99),
            max: milliseconds(latencies.max()),
            syncs: counters.syncs.map(|syncs| syncs as f64 / time.as_secs_f64()),
            bytes_logged: each(counters.bytes_logged),
            bytes_written: each(counters.bytes_written),
            errors: errors as f64,
        }
    }

    pub(super) const fn rate(&self) -> f64 {
        self.rate
    }

    /// Of each figure by itself.
    pub(super) fn median<'a>(runs: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let of = |figure: fn(&Self) -> f64| median(runs.clone().map(figure).collect());
        let known = |figure: fn(&Self) -> Option<f64>| {
            let values: Option<Vec<_>> = runs.clone().map(figure).collect();
            values.map(median)
        };
        Self {
            rate: of(|run| run.rate),
            p50: of(|run| run.p50),
            p99: of(|run| run.p99),
            max: of(|run| run.max),
            syncs: known(|run| run.syncs),
            bytes_logged: known(|run| run.bytes_logged),
            bytes_written: known(|run| run.bytes_written),
            errors: of(|run| run.errors),
        }
    }

    /// A line under [`HEAD`].
    pub(super) fn row(&self, peer: &str) -> String {
        let Self { rate, p50, p99, max, errors, .. } = self;
        let known = |figure: Option<f64>| {
            figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.0}"))
        };
        let [syncs, logged, written] =
            [self.syncs, self.bytes_logged, self.bytes_written].map(known);
        format!(
            "{peer:14}  {rate:12.0}  {p50:7.2}  {p99:7.2}  {max:7.1}  {syncs:>8}  {logged:>11}  {written:>12}  {errors:6.0}"
        )
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (lower, upper) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(lower), values.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => 0.0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_those_of_each_figure() {
        let run = |rate, p50, syncs| Figures { rate, p50, syncs, ..Figures::default() };
        let runs = [run(1.0, 9.0, Some(5.0)), run(3.0, 7.0, None), run(2.0, 8.0, Some(6.0))];
        let median = Figures::median(runs.iter());
        assert_eq!((median.rate, median.p50, median.syncs), (2.0, 8.0, None));
        let median = Figures::median([&runs[0], &runs[2]].into_iter());
        assert_eq!((median.rate, median.syncs), (1.5, Some(5.5)));
        assert_eq!(Figures::median([].into_iter()).rate, 0.0);
    }

    #[test]
    fn rows_stand_under_their_head() {
        let figures = Figures { rate: 123_456.0, bytes_logged: Some(321.0), ..Figures::default() };
        assert_eq!(figures.row("paxos").chars().count(), HEAD.chars().count());
    }
}
