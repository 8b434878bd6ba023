use proc_macro2::TokenStream;
use quote::quote;

use super::docs::docs;
use super::{View, allow_lints, ident};
use crate::model::CallType;

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
             it is done. One that is left out waits for a majority of the members and takes the \
             reply that came first."
        ),
    );
    let refusal = format!("`{{Self}}` has no quorum functions for the service `{service}`");
    let mend =
        format!("implement `{name}` for it, or pass `quorum_runtime::Majority` for the defaults");
    let functions = view.methods().filter(|(method, _)| method.call_type == CallType::QuorumCall);
    let functions = functions.map(|(method, types)| {
        let (function, request, reply) = (ident(&method.rust_name), &types.request, &types.reply);
        let about = docs(&method.docs, &format!("Decides on the replies to `{}`.", method.name));
        quote! {
            #about
            fn #function(
                &self,
                request: &#request,
                replies: &::quorum_runtime::Replies<#reply>,
            ) -> ::quorum_runtime::Verdict<#reply> {
                let _ = request;
                ::quorum_runtime::__private::majority(replies)
            }
        }
    });
    quote! {
        #about
        #allow
        #[diagnostic::on_unimplemented(message = #refusal, note = #mend)]
        pub trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#functions)*
        }

        impl #name for ::quorum_runtime::Majority {}
    }
}
