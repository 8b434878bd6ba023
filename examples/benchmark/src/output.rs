//! Where figures are written to: standard output, and files.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Prints a text, with the end of its last line. Who has left, as `head` does after its last line, misses
/// nothing.
pub(crate) fn print(text: impl fmt::Display) -> Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Writes a line of JSON for each run, as soon as it is over.
pub(crate) struct Lines {
    to: Box<dyn Write + Send>,
    name: String,
    is_stdout: bool,
}

impl Lines {
    /// Opens the file, before anything is measured in vain.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let is_stdout = path == Path::new("-");
        let to: Box<dyn Write + Send> = match is_stdout {
            true => Box::new(io::stdout()),
            false => Box::new(create(path)?),
        };
        Ok(Self { to, name: path.display().to_string(), is_stdout })
    }

    /// Whether nothing else belongs on standard output.
    pub(crate) const fn is_stdout(&self) -> bool {
        self.is_stdout
    }

    pub(crate) fn write(&mut self, run: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(run)?;
        writeln!(self.to, "{line}").with_context(|| format!("cannot write {}", self.name))
    }
}

/// Creates a file, or says which could not be.
pub(crate) fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}
