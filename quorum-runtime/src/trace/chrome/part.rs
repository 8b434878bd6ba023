use serde::{Serialize, Serializer};

use crate::trace::run::Run;

/// One line, with the names that the format has.
#[derive(Serialize)]
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) ph: &'a str,
    pub(super) pid: usize,
    pub(super) tid: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ts: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dur: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cat: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) s: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) args: Option<Arguments<'a>>,
}

impl<'a> Part<'a> {
    pub(super) const fn new(name: &'a str, ph: &'a str, pid: usize) -> Self {
        let (ts, dur, cat, id, bp, s) = (None, None, None, None, None, None);
        Self { name, ph, pid, tid: 0, ts, dur, cat, id, bp, s, args: None }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Arguments<'a> {
    Name {
        name: &'a str,
    },
    Order {
        sort_index: usize,
    },
    Event {
        #[serde(skip_serializing_if = "str::is_empty")]
        method: &'a str,
        #[serde(skip_serializing_if = "is_zero")]
        sequence: u64,
        #[serde(skip_serializing_if = "String::is_empty")]
        content: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        end: Option<String>,
        clock: Clock<'a>,
    },
}

impl<'a> Arguments<'a> {
    pub(super) const fn name(name: &'a str) -> Self {
        Self::Name { name }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A vector clock, by the titles of the columns.
pub(super) struct Clock<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) clock: &'a [u64],
}

impl Serialize for Clock<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.clock.iter().enumerate().filter(|(_, count)| **count > 0);
        serializer.collect_map(counts.map(|(column, count)| (self.run.title(column), count)))
    }
}
