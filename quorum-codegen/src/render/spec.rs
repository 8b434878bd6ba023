use proc_macro2::TokenStream;
use quote::quote;

use super::docs::docs;
use super::{MessageTypes, View, allow_lints, ident, teach};
use crate::model::{CallType, Method};

/// The trait with one quorum function for each quorum call, and `Majority` as its simplest
/// implementation.
pub(super) fn render(view: &View<'_>) -> TokenStream {
    let allow = allow_lints();
    let (name, service) = (&view.names.spec, &view.service.name);
    let about = docs(
        &[],
        &format!(
            "The quorum functions of `{service}`: what makes one result of the replies to each \
             quorum call.\n\nA function is asked again each time a node has replied or failed, until \
             it is done. One that is left out waits for a majority of the members: a quorum call \
             takes the reply that came first, a correctable shows each reply as a level."
        ),
    );
    let examples = teach::spec(view);
    let refusal = format!("`{{Self}}` has no quorum functions for the service `{service}`");
    let decided =
        || view.methods().filter(|(method, _)| method.decided.call_type.has_quorum_function());
    let functions = decided().map(|(method, types)| function(method, types));
    let has_all_defaults = view.has_all_defaults();
    let majority = has_all_defaults.then(|| quote!(impl #name for ::quorum_runtime::Majority {}));
    let mend = if has_all_defaults {
        format!("implement `{name}` for it, or pass `quorum_runtime::Majority` for the defaults")
    } else {
        format!("implement `{name}` for it")
    };
    quote! {
        #about
        #examples
        #allow
        #[diagnostic::on_unimplemented(message = #refusal, note = #mend)]
        pub trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#functions)*
        }

        #majority
    }
}

fn function(method: &Method, types: &MessageTypes) -> TokenStream {
    let (function, request, reply) = (ident(&method.rust_name), &types.request, &types.reply);
    let result = types.result(method);
    let improves = matches!(method.decided.call_type, CallType::Correctable(_));
    let (about, verdict, default) = if improves {
        (
            format!("Makes a level of the replies to `{}` so far.", method.name),
            quote!(::quorum_runtime::Verdict<::quorum_runtime::Level<#result>>),
            ident("levels"),
        )
    } else {
        (
            format!("Decides on the replies to `{}`.", method.name),
            quote!(::quorum_runtime::Verdict<#result>),
            ident("majority"),
        )
    };
    let about = docs(&method.docs, &about);
    let signature = quote! {
        fn #function(
            &self,
            request: &#request,
            replies: &::quorum_runtime::Replies<#reply>,
        ) -> #verdict
    };
    if method.decided.custom_return_type.is_some() {
        return quote!(#about #signature;);
    }
    quote! {
        #about
        #signature {
            let _ = request;
            ::quorum_runtime::__private::#default(replies)
        }
    }
}
