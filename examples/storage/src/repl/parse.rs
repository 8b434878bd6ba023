//! From a line to a command.

use super::command::{Command, Operation};

/// No cluster of this example is larger, and a mistyped range must not fill the memory.
const MAX_NODES: usize = 1000;

/// Why a line is no command, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("a quote is not closed")]
    Quote,
    #[error("there is no command `{0}`: `help` lists them")]
    UnknownCommand(String),
    #[error("there is no operation `{0}`: write `read KEY` or `write KEY VALUE`")]
    UnknownOperation(String),
    #[error("`{0}` is no number of a node: write one as `nodes` shows it")]
    Node(String),
    #[error("`{0}` names no nodes: write numbers like `0,2` or a range like `1:3`")]
    Nodes(String),
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
    match (name, arguments) {
        ("help", []) => Ok(Command::Help),
        ("nodes", []) => Ok(Command::Nodes),
        ("exit", []) => Ok(Command::Exit),
        ("help" | "nodes" | "exit", _) => {
            Err(ParseError::Usage("help, nodes and exit stand alone"))
        }
        ("rpc", [node, operation @ ..]) => {
            Ok(Command::Rpc { node: number(node)?, operation: parse_operation(operation)? })
        }
        ("rpc", []) => Err(ParseError::Usage("rpc NODE read KEY | rpc NODE write KEY VALUE")),
        ("ucast", &[node, key, value]) => Ok(Command::Unicast {
            node: number(node)?,
            key: key.to_owned(),
            value: value.to_owned(),
        }),
        ("ucast", _) => Err(ParseError::Usage("ucast NODE KEY VALUE")),
        ("mcast", &[key, value]) => {
            Ok(Command::Multicast { key: key.to_owned(), value: value.to_owned() })
        }
        ("mcast", _) => Err(ParseError::Usage("mcast KEY VALUE")),
        ("levels", &[key]) => Ok(Command::Levels { key: key.to_owned() }),
        ("levels", _) => Err(ParseError::Usage("levels KEY")),
        ("qc", operation) => Ok(Command::QuorumCall { operation: parse_operation(operation)? }),
        ("cfg", [nodes, operation @ ..]) => Ok(Command::Configuration {
            nodes: numbers(nodes)?,
            operation: parse_operation(operation)?,
        }),
        ("cfg", []) => Err(ParseError::Usage("cfg NODES read KEY | cfg NODES write KEY VALUE")),
        _ => Err(ParseError::UnknownCommand(name.to_owned())),
    }
}

fn parse_operation(words: &[&str]) -> Result<Operation, ParseError> {
    match *words {
        ["read", key] => Ok(Operation::Read { key: key.to_owned() }),
        ["write", key, value] => {
            Ok(Operation::Write { key: key.to_owned(), value: value.to_owned() })
        }
        [] | ["read" | "write", ..] => Err(ParseError::Usage("… read KEY | … write KEY VALUE")),
        [other, ..] => Err(ParseError::UnknownOperation(other.to_owned())),
    }
}

fn number(word: &str) -> Result<u32, ParseError> {
    word.parse().map_err(|_| ParseError::Node(word.to_owned()))
}

/// Numbers and half-open ranges, separated by commas: `0,2` or `1:3` or `0,2:4`.
fn numbers(word: &str) -> Result<Vec<u32>, ParseError> {
    let wrong = || ParseError::Nodes(word.to_owned());
    let mut nodes = Vec::new();
    for part in word.split(',') {
        let (first, end) = match part.split_once(':') {
            Some((first, end)) => (first.parse(), end.parse()),
            None => (part.parse(), part.parse().map(|node: u32| node.saturating_add(1))),
        };
        let (Ok(first), Ok(end)) = (first, end) else {
            return Err(wrong());
        };
        let range: std::ops::Range<u32> = first..end;
        if range.is_empty() || nodes.len() + range.len() > MAX_NODES {
            return Err(wrong());
        }
        nodes.extend(range);
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Command {
        parse(line).unwrap().unwrap()
    }

    fn refusal(line: &str) -> String {
        parse(line).unwrap_err().to_string()
    }

    fn read(key: &str) -> Operation {
        Operation::Read { key: key.to_owned() }
    }

    fn write(key: &str, value: &str) -> Operation {
        Operation::Write { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn every_command_is_understood() {
        assert_eq!(parsed("help"), Command::Help);
        assert_eq!(parsed("  nodes "), Command::Nodes);
        assert_eq!(parsed("exit"), Command::Exit);
        assert_eq!(parsed("rpc 2 read k"), Command::Rpc { node: 2, operation: read("k") });
        assert_eq!(parsed("rpc 0 write k v"), Command::Rpc { node: 0, operation: write("k", "v") });
        let (key, value) = ("k".to_owned(), "v".to_owned());
        assert_eq!(
            parsed("ucast 1 k v"),
            Command::Unicast { node: 1, key: key.clone(), value: value.clone() }
        );
        assert_eq!(parsed("mcast k v"), Command::Multicast { key, value });
        assert_eq!(parsed("levels k"), Command::Levels { key: "k".to_owned() });
        assert_eq!(parsed("qc read k"), Command::QuorumCall { operation: read("k") });
        assert_eq!(parsed("qc write k v"), Command::QuorumCall { operation: write("k", "v") });
    }

    #[test]
    fn nodes_are_a_list_of_numbers_and_half_open_ranges() {
        let nodes = |text: &str| match parsed(&format!("cfg {text} read k")) {
            Command::Configuration { nodes, .. } => nodes,
            other => panic!("{other:?}"),
        };
        assert_eq!(nodes("0,2"), [0, 2]);
        assert_eq!(nodes("1:3"), [1, 2]);
        assert_eq!(nodes("0,2:4"), [0, 2, 3]);
    }

    #[test]
    fn quotes_hold_words_together() {
        let operation = write("a key", "it's here");
        assert_eq!(parsed(r#"qc write 'a key' "it's here""#), Command::QuorumCall { operation });
        assert_eq!(parsed("qc write k ''"), Command::QuorumCall { operation: write("k", "") });
    }

    #[test]
    fn an_empty_line_is_no_command() {
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("  \t \r"), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_mend() {
        let cases = [
            ("frob", "there is no command `frob`: `help` lists them"),
            ("help me", "usage: help, nodes and exit stand alone"),
            ("qc write k 'v", "a quote is not closed"),
            ("qc", "usage: … read KEY | … write KEY VALUE"),
            ("qc read", "usage: … read KEY | … write KEY VALUE"),
            ("qc write k v w", "usage: … read KEY | … write KEY VALUE"),
            (
                "qc delete k",
                "there is no operation `delete`: write `read KEY` or `write KEY VALUE`",
            ),
            ("rpc", "usage: rpc NODE read KEY | rpc NODE write KEY VALUE"),
            ("rpc x read k", "`x` is no number of a node: write one as `nodes` shows it"),
            ("rpc -1 read k", "`-1` is no number of a node: write one as `nodes` shows it"),
            ("ucast 1 k", "usage: ucast NODE KEY VALUE"),
            ("mcast k", "usage: mcast KEY VALUE"),
            ("levels", "usage: levels KEY"),
            ("cfg", "usage: cfg NODES read KEY | cfg NODES write KEY VALUE"),
        ];
        for (line, message) in cases {
            assert_eq!(refusal(line), message, "{line}");
        }
        for nodes in [",", "1,", "3:1", "1:1", ":", "a", "0:4294967295", "1-3"] {
            let message =
                format!("`{nodes}` names no nodes: write numbers like `0,2` or a range like `1:3`");
            assert_eq!(refusal(&format!("cfg {nodes} read k")), message);
        }
    }
}
