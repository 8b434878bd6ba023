use std::ops::Range;

/// A word, a string or a sign of a `.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// A string with its quotes.
    pub(super) text: &'a str,
    /// Its place in bytes.
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) const fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) const fn range(&self) -> Range<usize> {
        self.start..self.end()
    }

    /// Whether it is a name, and not a number, a string or a sign.
    pub(super) fn is_name(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    }
}

/// All tokens, without the blanks and comments between them. Any text has some, also a wrong one.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        let length = match first {
            '"' | '\'' => string(rest, first),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(rest.len(), |at| at + 4),
            _ if is_in_word(first) => rest.find(|c| !is_in_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let text = &rest[..length];
        if !first.is_whitespace() && !text.starts_with("//") && !text.starts_with("/*") {
            tokens.push(Token { text, start });
        }
        start += length;
    }
    tokens
}

const fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The length of the string at the beginning, which ends with its line at the latest.
fn string(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return at,
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return at + 1,
            _ => (),
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_strings_and_signs_are_tokens_and_comments_are_none() {
        let text = "edition = \"2023\"; // a 'comment'\nint32 x_1=-0x1F; /* /* \" */ [ö]";
        let expected =
            ["edition", "=", "\"2023\"", ";", "int32", "x_1", "=", "-", "0x1F", ";", "[", "ö", "]"];
        assert_eq!(texts(text), expected);
    }

    #[test]
    fn a_string_may_hold_quotes_and_comments() {
        assert_eq!(texts(r#""a\"b" 'c"//' "\\""#), [r#""a\"b""#, r#"'c"//'"#, r#""\\""#]);
    }

    #[test]
    fn what_is_left_open_ends_somewhere() {
        assert_eq!(texts("\"open\nnext /* open"), ["\"open", "next"]);
        assert_eq!(texts("/*/ still a comment */ x"), ["x"]);
        assert_eq!(texts("\"\\"), ["\"\\"]);
    }

    #[test]
    fn every_token_stands_where_it_says() {
        let text = "a \"b\" /* ö */ c.d\n// e\nf";
        for token in tokens(text) {
            assert_eq!(&text[token.range()], token.text);
        }
    }
}
