//! The map that the log makes: what all nodes execute, in the same order.
pub(crate) mod limits;
