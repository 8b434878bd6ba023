//! What is measured, one combination after another.

use std::fmt;

use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::Cases;
use crate::format::{bytes, counted};

/// What is measured, by every peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) nodes: usize,
    /// Bytes.
    pub(crate) payload: usize,
    pub(crate) callers: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, callers) = (counted(self.nodes, "node"), counted(self.callers, "caller"));
        write!(f, "{nodes}, {}, {callers}", bytes(self.payload))
    }
}

/// Every combination, once.
pub(crate) fn cases(arguments: &Cases) -> Vec<Case> {
    let mut cases = Vec::new();
    for &nodes in &arguments.nodes {
        for &payload in &arguments.payload {
            cases.extend(arguments.callers.iter().map(|&callers| Case { nodes, payload, callers }));
        }
    }
    distinct(cases)
}

/// Each of the values once, in the order in which they come.
pub(crate) fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

/// Shows how many runs there were, on a terminal only.
pub(crate) fn bar(runs: usize) -> ProgressBar {
    let bar = ProgressBar::new(runs as u64);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {eta} left  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
