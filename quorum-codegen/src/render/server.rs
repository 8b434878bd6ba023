use proc_macro2::TokenStream;
use quote::quote;

use super::docs::docs;
use super::{MessageTypes, View, allow_lints, ident};
use crate::model::Method;

/// The trait that a server implements, and the adapter that serves an implementation.
pub(super) fn render(view: &View<'_>) -> TokenStream {
    let (handlers, adapter) = (handlers(view), adapter(view));
    quote!(#handlers #adapter)
}

fn handlers(view: &View<'_>) -> TokenStream {
    let allow = allow_lints();
    let (name, service) = (&view.names.service, &view.service.name);
    let about = docs(
        &view.service.docs,
        &format!(
            "What a server does for the service `{service}`.\n\nHandlers are written as `async fn`. \
             Those of one client run in the order of its calls, one at a time, until they return or \
             say `call.release()`. When the client's connection ends, its handlers are dropped where \
             they wait."
        ),
    );
    let handlers = view.methods().map(|(method, types)| {
        let (about, handler, request) =
            (docs(&method.docs, about_handler(method)), ident(&method.rust_name), &types.request);
        let output = output(method, types);
        quote! {
            #about
            fn #handler(
                &self,
                call: ::quorum_runtime::Call,
                request: #request,
            ) -> impl ::core::future::Future<Output = #output> + ::core::marker::Send;
        }
    });
    quote! {
        #about
        #allow
        pub trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#handlers)*
        }
    }
}

fn adapter(view: &View<'_>) -> TokenStream {
    let allow = allow_lints();
    let (name, server) = (&view.names.service, &view.names.server);
    let service = &view.service.name;
    let about = docs(
        &[],
        &format!("Serves an implementation of `{service}`: pass it to `Server::service`."),
    );
    let registered = view.methods().map(|(method, _)| {
        let (handler, wire_name) = (ident(&method.rust_name), view.wire_name(method));
        let add = ident(if method.call_type.is_one_way() { "one_way" } else { "two_way" });
        quote! {
            let service = ::std::sync::Arc::clone(&self.0);
            methods.#add(#wire_name, move |call, request| {
                let service = ::std::sync::Arc::clone(&service);
                async move { <T as #name>::#handler(&*service, call, request).await }
            });
        }
    });
    quote! {
        #about
        #allow
        #[derive(::core::fmt::Debug)]
        pub struct #server<T>(::std::sync::Arc<T>);

        #allow
        impl<T: #name> #server<T> {
            /// Serves this implementation.
            #[must_use]
            pub fn new(service: T) -> Self {
                Self(::std::sync::Arc::new(service))
            }

            /// Serves an implementation that is used elsewhere as well.
            #[must_use]
            pub const fn from_arc(service: ::std::sync::Arc<T>) -> Self {
                Self(service)
            }
        }

        impl<T: #name> ::quorum_runtime::Service for #server<T> {
            fn register(self, methods: &mut ::quorum_runtime::Methods<'_>) {
                #(#registered)*
            }
        }
    }
}

fn output(method: &Method, types: &MessageTypes) -> TokenStream {
    let reply = &types.reply;
    if method.call_type.is_one_way() {
        quote!(())
    } else {
        quote!(::core::result::Result<#reply, ::quorum_runtime::Status>)
    }
}

const fn about_handler(method: &Method) -> &'static str {
    if method.call_type.is_one_way() {
        "Handles a one-way message: nothing is answered."
    } else {
        "Handles a request. An error is answered as it is."
    }
}
