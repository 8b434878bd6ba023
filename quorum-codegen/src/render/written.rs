//! Types and messages as a person writes them.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;

/// A message, as an expression.
pub(super) fn value(message: &Type) -> String {
    match message {
        Type::Tuple(unit) if unit.elems.is_empty() => "()".to_owned(),
        Type::Path(path) if path.path.segments.iter().all(|part| part.arguments.is_none()) => {
            format!("{}::default()", text(message))
        }
        other => format!("<{}>::default()", text(other)),
    }
}

/// A type as a person writes it.
pub(super) fn text(of: &Type) -> String {
    let mut text = String::new();
    write(of.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                text.push(punct.as_char());
                if matches!(punct.as_char(), ',' | ';') {
                    text.push(' ');
                }
            }
            word @ (TokenTree::Ident(_) | TokenTree::Literal(_)) => {
                if text.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_a_person_writes_them() {
        for written in [
            "Key",
            "()",
            "::prost::alloc::string::String",
            "super::r#type::Key",
            "Vec<(u64, [u8; 4])>",
            "&'static dyn Send",
        ] {
            assert_eq!(text(&syn::parse_str(written).unwrap()), written);
        }
    }

    #[test]
    fn a_message_is_made_by_its_default() {
        let made = ["Key", "()", "Vec<u8>"].map(|ty| value(&syn::parse_str(ty).unwrap()));
        assert_eq!(made, ["Key::default()", "()", "<Vec<u8>>::default()"]);
    }
}
