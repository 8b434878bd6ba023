use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;

/// Puts another path where the code says `::quorum_runtime`.
#[must_use]
pub fn with_runtime(tokens: TokenStream, path: &syn::Path) -> TokenStream {
    let mut renamed: Vec<TokenTree> = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == "quorum_runtime" && ends_with_colons(&renamed) => {
                renamed.truncate(renamed.len() - 2);
                renamed.extend(path.to_token_stream());
            }
            TokenTree::Group(group) => {
                let inner = with_runtime(group.stream(), path);
                renamed.push(Group::new(group.delimiter(), inner).into());
            }
            other => renamed.push(other),
        }
    }
    renamed.into_iter().collect()
}

fn ends_with_colons(tokens: &[TokenTree]) -> bool {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ':');
    matches!(tokens, [.., one, other] if is_colon(one) && is_colon(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_replaced_wherever_it_stands() {
        let tokens: TokenStream =
            "fn f(a: ::quorum_runtime::A) -> B<::quorum_runtime::C> { x }".parse().unwrap();
        let path = syn::parse_str("crate::rt").unwrap();
        let expected: TokenStream =
            "fn f(a: crate::rt::A) -> B<crate::rt::C> { x }".parse().unwrap();
        // How tokens are spaced when printed is not at stake.
        let text = |tokens: TokenStream| tokens.to_string().replace(' ', "");
        assert_eq!(text(with_runtime(tokens, &path)), text(expected));
    }
}
