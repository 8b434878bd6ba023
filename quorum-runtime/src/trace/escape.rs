//! What is written into a file came from a network, so it is never trusted to be text of that file.

use std::fmt::Write;

/// Adds a text in which no letter ends the line, moves the cursor or turns the direction of writing.
pub(super) fn push_clean(line: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            _ if letter.is_control() || is_invisible(letter) => {
                // To write to a string does not fail.
                let _ = write!(line, "\\u{{{:x}}}", u32::from(letter));
            }
            _ => line.push(letter),
        }
    }
}

/// The same as a text of its own.
pub(super) fn clean(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    push_clean(&mut line, text);
    line
}

/// A text as XML and HTML have it, between tags and in attributes. It is to be [clean].
pub(super) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Marks of direction, separators of lines, and what is no letter of XML.
const fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_on_its_line_and_out_of_the_markup() {
        assert_eq!(clean("a\nb\u{1b}[2J\u{202e}c"), r"a\nb\u{1b}[2J\u{202e}c");
        assert_eq!(xml(r#"</title><script>"'&"#), "&lt;/title&gt;&lt;script&gt;&quot;&#39;&amp;");
    }
}
