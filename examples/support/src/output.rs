//! What a program prints, for as long as somebody reads it.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};

/// Prints a line, and says whether it may be read. Who has left, as `head` does after its last line, misses
/// nothing: that is no error.
///
/// # Errors
///
/// If it cannot be written.
pub fn line(text: impl fmt::Display) -> io::Result<bool> {
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let told = format!("cannot write to standard output: {error}");
            Err(io::Error::new(error.kind(), told))
        }
    }
}
