//! What the subcommand says: on standard output, for as long as somebody reads it.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

/// Why nothing was run, or nothing can be said of it. Reads like a sentence.
pub(super) type Refusal = String;

/// Prints a line. Who has left, as `head` does after its last line, misses nothing: the exit code tells
/// what came of the runs.
pub(super) fn print(line: impl fmt::Display) -> Result<(), Refusal> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// The exit code, and the refusal for whoever reads it.
pub(super) fn ended(ended: Result<ExitCode, Refusal>) -> ExitCode {
    ended.unwrap_or_else(|refusal| {
        let _ = writeln!(io::stderr(), "error: {refusal}");
        ExitCode::from(2)
    })
}
