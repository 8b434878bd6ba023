//! A run, drawn: what happened at all of its processes, in pictures and in text.
//!
//! The [`Event`]s that observers were told become a [`Trace`], which can be written as a space-time
//! diagram (Lamport: Time, Clocks, and the Ordering of Events in a Distributed System, 1978) and in the
//! [forms](Format) that other tools read. With the feature `trace`.
//!
//! [`Event`]: crate::Event

mod call_id;
mod causal;
mod chrome;
mod clocks;
mod columns;
mod content;
mod escape;
mod format;
mod html;
mod matching;
mod run;
#[cfg(test)]
mod scripts;
mod shiviz;
mod spans;
mod svg;
mod text;
#[expect(clippy::module_inception, reason = "the module is named after what it is about")]
mod trace;
mod words;

pub use self::format::{Format, UnknownFormat};
pub use self::trace::{DescriptorError, Trace};

#[cfg(test)]
mod tests;
