use proc_macro2::TokenStream;
use quote::quote;

/// The documentation that the user wrote, followed by what the generator adds.
pub(super) fn docs(written: &[String], added: &str) -> TokenStream {
    let mut lines = written.to_vec();
    if !lines.is_empty() && !added.is_empty() {
        lines.push(String::new());
    }
    lines.extend(added.lines().map(str::to_owned));
    // Printed as `///`, which needs a space before the text.
    let lines = lines.iter().map(|line| match line.as_str() {
        "" => String::new(),
        line => format!(" {line}"),
    });
    quote!(#(#[doc = #lines])*)
}
