use std::io::{self, Write};

use super::Diagram;
use crate::trace::escape::{clean, xml};

/// An element of a diagram: what it is, to what it belongs, and what it says when one points at it.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) class: String,
    pub(super) call: Option<usize>,
    /// With which columns it has to do; with all if none is named.
    pub(super) columns: Vec<usize>,
    pub(super) method: String,
    /// In lines.
    pub(super) says: Vec<String>,
    /// What is drawn, as SVG.
    pub(super) shape: String,
}

impl Diagram<'_> {
    pub(super) fn add(&self, part: &Part, out: &mut dyn Write) -> io::Result<()> {
        let Part { class, call, columns, method, says, shape } = part;
        let is_hot = call.is_some_and(|call| self.options.highlighted.contains(&call));
        write!(out, "<g class=\"{class}{}\"", if is_hot { " hot" } else { "" })?;
        if let Some(call) = call {
            write!(out, " data-c=\"{call}\"")?;
        }
        if !columns.is_empty() {
            let columns: Vec<_> = columns.iter().map(ToString::to_string).collect();
            write!(out, " data-n=\"{}\"", columns.join(" "))?;
        }
        if !method.is_empty() {
            write!(out, " data-m=\"{}\"", xml(&clean(method)))?;
        }
        let says: Vec<_> =
            says.iter().filter(|line| !line.is_empty()).map(|line| xml(line)).collect();
        writeln!(out, "><title>{}</title>{shape}</g>", says.join("\n"))
    }
}
