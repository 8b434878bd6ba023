//! The test that runs a simulation with many seeds.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{ItemFn, LitInt, LitStr};

/// What `#[sim_test(…)]` says.
struct Arguments {
    seeds: u64,
    runtime: syn::Path,
}

/// A function of the same name that is a test, around the one that was written.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut settings = Arguments { seeds: 100, runtime: syn::parse_quote!(::quorum_runtime) };
    syn::meta::parser(|meta| settings.parse(&meta)).parse2(arguments)?;
    let mut function: ItemFn = syn::parse2(item)?;
    refuse_what_is_no_simulation(&function)?;
    let attributes = std::mem::take(&mut function.attrs);
    let Arguments { seeds, runtime } = settings;
    let name = &function.sig.ident;
    let text = name.to_string();
    let text = text.strip_prefix("r#").unwrap_or(&text);
    Ok(quote! {
        #[::core::prelude::v1::test]
        #(#attributes)*
        fn #name() {
            #function
            #runtime::sim::test::run(
                #runtime::sim::test::Test {
                    path: ::core::concat!(::core::module_path!(), "::", #text),
                    package: ::core::env!("CARGO_PKG_NAME"),
                    seeds: #seeds,
                },
                #name,
            );
        }
    })
}

impl Arguments {
    fn parse(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("seeds") {
            let seeds: LitInt = meta.value()?.parse()?;
            self.seeds = seeds.base10_parse()?;
            if self.seeds == 0 {
                return Err(syn::Error::new(seeds.span(), "a test without seeds tests nothing"));
            }
            Ok(())
        } else if meta.path.is_ident("runtime") {
            self.runtime = meta.value()?.parse::<LitStr>()?.parse()?;
            Ok(())
        } else {
            Err(meta.error("`sim_test` takes `seeds = …` and `runtime = \"…\"`"))
        }
    }
}

fn refuse_what_is_no_simulation(function: &ItemFn) -> syn::Result<()> {
    let signature = &function.sig;
    let shape =
        "a simulation is tested by a function of one: `fn name(sim: &mut Simulation) -> Result`";
    if let Some(asynchronous) = &signature.asyncness {
        let message = format!("{shape}, which is not async: the programs that it runs are");
        return Err(syn::Error::new(asynchronous.span(), message));
    }
    if signature.inputs.len() != 1 || !signature.generics.params.is_empty() {
        return Err(syn::Error::new(signature.span(), shape));
    }
    Ok(())
}
