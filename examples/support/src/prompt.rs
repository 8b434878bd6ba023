//! A prompt: a line, its answer, the next line.

use std::io::{self, BufRead as _, IsTerminal as _};

use rustyline::error::ReadlineError;

use crate::output;

/// What a line comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Is printed, with the end of a line.
    Text(String),
    /// To an empty line, or where all was printed already.
    Nothing,
    /// The prompt ends.
    Exit,
}

/// Gives each line to `answer`, until it says [`Answer::Exit`] or the input ends: with line editing
/// and a greeting from a terminal, or line by line from a pipe.
///
/// # Errors
///
/// If the input cannot be read, or the output not be written; not when whoever reads it has left.
pub fn run(greeting: &str, mut answer: impl FnMut(&str) -> Answer) -> io::Result<()> {
    if io::stdin().is_terminal() { edited(greeting, &mut answer) } else { piped(&mut answer) }
}

fn edited(greeting: &str, answer: &mut impl FnMut(&str) -> Answer) -> io::Result<()> {
    output::line(greeting)?;
    let mut editor = rustyline::DefaultEditor::new().map_err(io::Error::other)?;
    loop {
        match editor.readline("> ") {
            Ok(line) => {
                editor.add_history_entry(&line).map_err(io::Error::other)?;
                if print(answer(&line))? == Next::Exit {
                    return Ok(());
                }
            }
            // Ctrl-C gives up the line, not the session.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}

fn piped(answer: &mut impl FnMut(&str) -> Answer) -> io::Result<()> {
    for line in io::stdin().lock().split(b'\n') {
        if print(answer(&String::from_utf8_lossy(&line?)))? == Next::Exit {
            break;
        }
    }
    Ok(())
}

/// Whether the prompt goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Line,
    Exit,
}

fn print(answer: Answer) -> io::Result<Next> {
    let text = match answer {
        Answer::Text(text) => text,
        Answer::Nothing => return Ok(Next::Line),
        Answer::Exit => return Ok(Next::Exit),
    };
    Ok(if output::line(text)? { Next::Line } else { Next::Exit })
}
