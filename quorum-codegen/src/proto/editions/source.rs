use std::ops::Range;

use super::tokens::{Token, tokens};

/// The text of an edition, as the front end reads it: everything stands where it stood.
#[derive(Debug)]
pub(super) struct Proto3 {
    pub(super) text: String,
    pub(super) refusals: Vec<Refusal>,
}

/// Something that an edition may say, and that is not supported.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Its place in bytes.
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: String,
}

/// What stands in place of the statement with the edition. It is shorter than that statement unless
/// neither that nor what follows has a blank; then the rest of the line moves by a column.
const SYNTAX: &str = "syntax=\"proto3\";";

/// Features that the front end does not know and that change nothing here.
const FOREIGN: [&str; 2] = ["enforce_naming_style", "default_symbol_visibility"];

pub(super) const EDITION_HELP: &str = "write `edition = \"2023\";` or `edition = \"2024\";`";
pub(super) const IMPORT: &str = "`import option` is not supported";
pub(super) const IMPORT_HELP: &str = "take the word `option` away";

/// The text as proto3, or none if it begins with no edition.
pub(super) fn to_proto3(text: &str) -> Option<Proto3> {
    let tokens = tokens(text);
    let (statement, edition) = edition(&tokens)?;
    let mut rewriting = Rewriting { text: text.as_bytes().to_vec(), refusals: Vec::new() };
    if !matches!(edition.text.trim_matches(['"', '\'']), "2023" | "2024") {
        rewriting.refuse(
            edition,
            format!("edition {} is not supported", edition.text),
            EDITION_HELP,
        );
    }
    let mut is_first = true;
    for at in 0..tokens.len() {
        if is_first {
            rewriting.statement(&tokens[at..]);
        }
        if tokens[at].text == "[" {
            rewriting.list(&tokens[at..]);
        }
        is_first = matches!(tokens[at].text, ";" | "{" | "}");
    }
    rewriting.say_proto3(statement);
    let text = String::from_utf8(rewriting.text).expect("whole tokens were blanked");
    Some(Proto3 { text, refusals: rewriting.refusals })
}

/// The place of the statement that names the edition, and the string that does.
fn edition<'a>(tokens: &[Token<'a>]) -> Option<(Range<usize>, Token<'a>)> {
    let [first, equals, edition, end, ..] = tokens else { return None };
    let is_edition = first.text == "edition"
        && equals.text == "="
        && edition.text.starts_with(['"', '\''])
        && end.text == ";";
    is_edition.then(|| (first.start..end.end(), *edition))
}

struct Rewriting {
    text: Vec<u8>,
    refusals: Vec<Refusal>,
}

impl Rewriting {
    /// Takes away what the front end does not understand of the statement at the beginning.
    fn statement(&mut self, tokens: &[Token<'_>]) {
        let is = |at: usize, texts: &[&str]| {
            tokens.get(at).is_some_and(|token| texts.contains(&token.text))
        };
        let first = tokens[0];
        match first.text {
            "option" if is_foreign(&tokens[1..]) => self.blank_statement(tokens),
            // The names are reserved for writers of the file, whom `protoc` holds to it.
            "reserved" if tokens.get(1).is_some_and(Token::is_name) => self.blank_statement(tokens),
            "import" if is(1, &["option"]) => {
                self.refuse(tokens[1], IMPORT, IMPORT_HELP);
                self.blank(tokens[1].range());
            }
            "export" | "local" if is(1, &["message", "enum"]) && is(3, &["{"]) => {
                self.refuse(
                    first,
                    format!("`{} {}` is not supported", first.text, tokens[1].text),
                    format!(
                        "take the word `{}` away: what a file declares can be used in all files \
                         that import it",
                        first.text
                    ),
                );
                self.blank(first.range());
            }
            _ => (),
        }
    }

    /// Takes foreign features out of the list `[…, …]` at the beginning.
    fn list(&mut self, tokens: &[Token<'_>]) {
        let Some((items, close)) = items(tokens) else { return };
        let is_kept: Vec<_> = items.iter().map(|item| !is_foreign(&tokens[item.clone()])).collect();
        if !is_kept.contains(&false) {
            return;
        }
        if !is_kept.contains(&true) {
            return self.blank(tokens[0].start..tokens[close].end());
        }
        for (at, item) in items.iter().enumerate() {
            if !is_kept[at] {
                self.blank(tokens[item.start].start..tokens[item.end - 1].end());
            }
            // A comma stays where something stands in front of it and right behind it.
            let stays = is_kept.get(at + 1) == Some(&true) && is_kept[..=at].contains(&true);
            if tokens[item.end].text == "," && !stays {
                self.blank(tokens[item.end].range());
            }
        }
    }

    fn refuse(&mut self, token: Token<'_>, message: impl Into<String>, help: impl Into<String>) {
        let (message, help) = (message.into(), help.into());
        self.refusals.push(Refusal { offset: token.start, message, help });
    }

    fn blank_statement(&mut self, tokens: &[Token<'_>]) {
        let mut depth = 0;
        let end = tokens.iter().find(|token| {
            match token.text {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => (),
            }
            depth == 0 && token.text == ";"
        });
        if let Some(end) = end {
            self.blank(tokens[0].start..end.end());
        }
    }

    fn blank(&mut self, range: Range<usize>) {
        for byte in &mut self.text[range] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }

    fn say_proto3(&mut self, mut statement: Range<usize>) {
        if statement.len() < SYNTAX.len() && self.text.get(statement.end) == Some(&b' ') {
            statement.end += 1;
        }
        let lines = self.text[statement.clone()].iter().filter(|byte| **byte == b'\n').count();
        let width = statement.len() - lines;
        let said = format!("{SYNTAX:width$}{}", "\n".repeat(lines));
        self.text.splice(statement, said.into_bytes());
    }
}

/// Whether these tokens set a feature that is not for us: `features.(pb.go).api_level = …`.
fn is_foreign(tokens: &[Token<'_>]) -> bool {
    let [features, dot, name, ..] = tokens else { return false };
    features.text == "features"
        && dot.text == "."
        && (name.text == "(" || FOREIGN.contains(&name.text))
}

/// The items of the list at the beginning, each of which is followed by a comma or the bracket that
/// closes the list, and that bracket. None if it is never closed.
fn items(tokens: &[Token<'_>]) -> Option<(Vec<Range<usize>>, usize)> {
    let (mut items, mut start, mut depth) = (Vec::new(), 1, 0);
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "[" | "{" | "(" => depth += 1,
            "]" | "}" | ")" => depth -= 1,
            _ => (),
        }
        let is_end = depth == 0;
        if (is_end || (depth == 1 && token.text == ",")) && start < at {
            items.push(start..at);
            start = at + 1;
        }
        if is_end {
            return Some((items, at));
        }
    }
    None
}
