//! The prompt: reads a line, parses it, evaluates the command, prints the answer.

mod command;
mod eval;
mod parse;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustyline::error::ReadlineError;
use tokio::runtime::Runtime;

use crate::client::Client;
use command::Command;

/// Reads commands until `exit` or the end of the input: with line editing from a terminal, or line
/// by line from a pipe.
pub(crate) fn run(runtime: &Runtime, client: &Client) -> anyhow::Result<()> {
    let session = Session { runtime, client };
    if io::stdin().is_terminal() { session.interactive() } else { session.piped() }
}

struct Session<'a> {
    runtime: &'a Runtime,
    client: &'a Client,
}

/// Whether the prompt goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Line,
    Exit,
}

impl Session<'_> {
    fn interactive(&self) -> anyhow::Result<()> {
        let addresses: Vec<_> =
            self.client.nodes().iter().map(quorum_runtime::Node::address).collect();
        println!("{} nodes: {}. Type `help` for help.", addresses.len(), addresses.join(", "));
        let mut editor = rustyline::DefaultEditor::new()?;
        loop {
            match editor.readline("> ") {
                Ok(line) => {
                    editor.add_history_entry(&line)?;
                    if self.execute(&line)? == Next::Exit {
                        return Ok(());
                    }
                }
                // Ctrl-C gives up the line, not the session.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn piped(&self) -> anyhow::Result<()> {
        for line in io::stdin().lock().split(b'\n') {
            if self.execute(&String::from_utf8_lossy(&line?))? == Next::Exit {
                break;
            }
        }
        Ok(())
    }

    /// Runs one line and prints what comes of it; a bad line is answered and the session goes on.
    fn execute(&self, line: &str) -> anyhow::Result<Next> {
        let answer = match parse::parse(line) {
            Ok(None) => return Ok(Next::Line),
            Ok(Some(Command::Exit)) => return Ok(Next::Exit),
            Ok(Some(command)) => match self.runtime.block_on(eval::eval(self.client, command)) {
                Ok(answer) => answer.to_string(),
                Err(error) => format!("error: {error}"),
            },
            Err(error) => format!("error: {error}"),
        };
        match writeln!(io::stdout(), "{answer}") {
            // Whoever read the answers has left.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Next::Exit),
            result => Ok(result.map(|()| Next::Line)?),
        }
    }
}
