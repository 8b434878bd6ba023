use std::fmt;
use std::io;

/// Why a build script could not generate Rust.
///
/// Prints the same with `{}` and with `{:?}`, because the latter is what a build script shows when
/// its `main` returns an error.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Places in `.proto` files that have to be mended.
    #[error("{}", Lines(.0))]
    Proto(Vec<Problem>),

    /// The path of the runtime is no path.
    #[error("`{0}` is no path of a crate or module: write one like `::quorum_runtime`")]
    Runtime(String),

    /// The generated files could not be written.
    #[error("cannot write the generated code: {0}")]
    Write(#[source] io::Error),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One place in a `.proto` that has to be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `file:line:column`, counted from 1; a file alone where the whole file is meant.
    pub place: String,
    /// What is wrong there.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

struct Lines<'a>(&'a [Problem]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}
