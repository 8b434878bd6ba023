//! The prompt: reads a line, parses it, evaluates the command, prints the answer.

mod command;
mod eval;
mod parse;

use std::io::{self, Write as _};

use example_support::prompt::{self, Answer};
use tokio::runtime::Runtime;

use crate::client::Client;
use command::Command;

/// Reads commands until `exit` or the end of the input.
pub(crate) fn run(runtime: &Runtime, client: &Client) -> anyhow::Result<()> {
    let addresses: Vec<_> = client.nodes().iter().map(quorum_runtime::Node::address).collect();
    let greeting =
        format!("{} nodes: {}. Type `help` for help.", addresses.len(), addresses.join(", "));
    Ok(prompt::run(&greeting, |line| execute(runtime, client, line))?)
}

/// Runs one line; a bad line is answered and the session goes on.
fn execute(runtime: &Runtime, client: &Client, line: &str) -> Answer {
    match parse::parse(line) {
        Ok(None) => Answer::Nothing,
        Ok(Some(Command::Exit)) => Answer::Exit,
        Ok(Some(command)) => match runtime.block_on(eval::eval(client, command, show)) {
            Ok(eval::Answer::Shown) => Answer::Nothing,
            Ok(answer) => Answer::Text(answer.to_string()),
            Err(error) => Answer::Text(format!("error: {error}")),
        },
        Err(error) => Answer::Text(format!("error: {error}")),
    }
}

fn show(line: String) {
    // Who has left is noticed at the next answer.
    drop(writeln!(io::stdout(), "{line}"));
}
