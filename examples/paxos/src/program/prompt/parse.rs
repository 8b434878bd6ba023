//! From a line to a command.

use super::command::Command;

/// Why a line is no command, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("a quote is not closed")]
    Quote,
    #[error("there is no command `{0}`: `help` lists them")]
    UnknownCommand(String),
    #[error("`{0}` is no number of a node: write one as `status` shows it")]
    Node(String),
    #[error("`{0}` is no slot of the log: write a number as `status` shows it")]
    Slot(String),
    #[error("usage: {0}")]
    Usage(&'static str),
}

/// The command on a line, or `None` on an empty one.
pub(crate) fn parse(line: &str) -> Result<Option<Command>, ParseError> {
    let words = shell_words::split(line.trim()).map_err(|_| ParseError::Quote)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((name, arguments)) = words.split_first() else {
        return Ok(None);
    };
    command(name, arguments).map(Some)
}

fn command(name: &str, arguments: &[&str]) -> Result<Command, ParseError> {
    Ok(match (name, arguments) {
        ("help", []) => Command::Help,
        ("exit", []) => Command::Exit,
        ("put", &[key, value]) => Command::Put { key: key.to_owned(), value: value.to_owned() },
        ("get", &[key]) => Command::Get { key: key.to_owned() },
        ("del", &[key]) => Command::Delete { key: key.to_owned() },
        ("local", &[at, key]) => Command::Local { node: node(at)?, key: key.to_owned() },
        ("status", []) => Command::Status,
        ("kill", &[at]) => Command::Kill { node: node(at)? },
        ("start", &[at]) => Command::Start { node: node(at)? },
        ("trim", []) => Command::Trim { slot: None },
        ("trim", &[to]) => Command::Trim { slot: Some(slot(to)?) },
        ("sync", &[at]) => Command::Sync { node: node(at)?, hold: false },
        ("sync", &[at, "hold"]) => Command::Sync { node: node(at)?, hold: true },
        ("compare", &[one, other]) => Command::Compare { one: node(one)?, other: node(other)? },
        _ => return Err(usage(name)),
    })
}

/// How the command is used that was used otherwise.
fn usage(name: &str) -> ParseError {
    ParseError::Usage(match name {
        "help" | "exit" | "status" => "help, status and exit stand alone",
        "put" => "put KEY VALUE",
        "get" => "get KEY",
        "del" => "del KEY",
        "local" => "local NODE KEY",
        "kill" => "kill NODE",
        "start" => "start NODE",
        "trim" => "trim [SLOT]",
        "sync" => "sync NODE [hold]",
        "compare" => "compare NODE NODE",
        _ => return ParseError::UnknownCommand(name.to_owned()),
    })
}

fn node(word: &str) -> Result<u32, ParseError> {
    word.parse().map_err(|_| ParseError::Node(word.to_owned()))
}

fn slot(word: &str) -> Result<u64, ParseError> {
    word.parse().map_err(|_| ParseError::Slot(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_understood() {
        let (key, value) = ("a key".to_owned(), "it's".to_owned());
        let cases = [
            (" help ", Command::Help),
            ("exit", Command::Exit),
            (r#"put 'a key' "it's""#, Command::Put { key: key.clone(), value }),
            ("get 'a key'", Command::Get { key: key.clone() }),
            ("del 'a key'", Command::Delete { key: key.clone() }),
            ("local 2 'a key'", Command::Local { node: 2, key }),
            ("status", Command::Status),
            ("kill 1", Command::Kill { node: 1 }),
            ("start 1", Command::Start { node: 1 }),
            ("trim", Command::Trim { slot: None }),
            ("trim 90", Command::Trim { slot: Some(90) }),
            ("sync 3", Command::Sync { node: 3, hold: false }),
            ("sync 3 hold", Command::Sync { node: 3, hold: true }),
            ("compare 1 2", Command::Compare { one: 1, other: 2 }),
        ];
        for (line, command) in cases {
            assert_eq!(parse(line), Ok(Some(command)), "{line}");
        }
        assert_eq!(parse(" \t"), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_mend() {
        let cases = [
            ("frob", "there is no command `frob`: `help` lists them"),
            ("put k 'v", "a quote is not closed"),
            ("put k", "usage: put KEY VALUE"),
            ("put k v w", "usage: put KEY VALUE"),
            ("status 1", "usage: help, status and exit stand alone"),
            ("kill", "usage: kill NODE"),
            ("kill -1", "`-1` is no number of a node: write one as `status` shows it"),
            ("sync 1 fast", "usage: sync NODE [hold]"),
            ("trim all", "`all` is no slot of the log: write a number as `status` shows it"),
            ("compare 1", "usage: compare NODE NODE"),
        ];
        for (line, message) in cases {
            assert_eq!(parse(line).unwrap_err().to_string(), message, "{line}");
        }
    }
}
