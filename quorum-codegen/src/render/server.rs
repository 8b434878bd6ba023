use proc_macro2::TokenStream;
use quote::quote;

use super::docs::docs;
use super::{MessageTypes, View, allow_lints, ident, teach};
use crate::model::{CallType, Method, Replies};

/// The trait that a server implements, and the adapter that serves an implementation.
pub(super) fn render(view: &View<'_>) -> TokenStream {
    let (handlers, adapter) = (handlers(view), adapter(view));
    quote!(#handlers #adapter)
}

fn handlers(view: &View<'_>) -> TokenStream {
    let (allow, examples) = (allow_lints(), teach::handlers(view));
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
        let (about, handler) =
            (docs(&method.docs, about_handler(method)), ident(&method.rust_name));
        let (request, reply, output) = (&types.request, &types.reply, output(method, types));
        let request = match method.decided.call_type {
            CallType::Session => quote!(requests: ::quorum_runtime::Requests<#request>),
            _ => quote!(request: #request),
        };
        let replies = streams(method).then(|| quote!(replies: ::quorum_runtime::Replier<#reply>,));
        quote! {
            #about
            fn #handler(
                &self,
                call: ::quorum_runtime::Call,
                #request,
                #replies
            ) -> impl ::core::future::Future<Output = #output> + ::core::marker::Send;
        }
    });
    quote! {
        #about
        #examples
        #allow
        pub trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#handlers)*
        }
    }
}

fn adapter(view: &View<'_>) -> TokenStream {
    let (allow, examples) = (allow_lints(), teach::adapter(view));
    let (name, server) = (&view.names.service, &view.names.server);
    let service = &view.service.name;
    let about = docs(
        &[],
        &format!("Serves an implementation of `{service}`: pass it to `Server::service`."),
    );
    let registered = view.methods().map(|(method, _)| {
        let (handler, method_tokens) = (ident(&method.rust_name), view.method(method));
        let add = ident(match method.decided.call_type {
            CallType::Session => "session",
            _ if method.decided.call_type.is_one_way() => "one_way",
            _ if streams(method) => "streams",
            _ => "two_way",
        });
        let replies = streams(method).then(|| quote!(, replies));
        quote! {
            let service = ::std::sync::Arc::clone(&self.0);
            methods.#add(#method_tokens, move |call, request #replies| {
                let service = ::std::sync::Arc::clone(&service);
                async move { <__Service as #name>::#handler(&*service, call, request #replies).await }
            });
        }
    });
    quote! {
        #about
        #examples
        #allow
        #[derive(::core::fmt::Debug)]
        pub struct #server<__Service>(::std::sync::Arc<__Service>);

        #allow
        impl<__Service: #name> #server<__Service> {
            /// Serves this implementation.
            #[must_use]
            pub fn new(service: __Service) -> Self {
                Self(::std::sync::Arc::new(service))
            }

            /// Serves an implementation that is used elsewhere as well.
            #[must_use]
            pub const fn from_arc(service: ::std::sync::Arc<__Service>) -> Self {
                Self(service)
            }
        }

        #allow
        impl<__Service: #name> ::quorum_runtime::Service for #server<__Service> {
            fn register(self, methods: &mut ::quorum_runtime::Methods<'_>) {
                #(#registered)*
            }
        }
    }
}

fn output(method: &Method, types: &MessageTypes) -> TokenStream {
    let reply = &types.reply;
    if method.decided.call_type.is_one_way() {
        quote!(())
    } else if streams(method) {
        quote!(::core::result::Result<(), ::quorum_runtime::Status>)
    } else {
        quote!(::core::result::Result<#reply, ::quorum_runtime::Status>)
    }
}

/// Whether a handler may reply several times.
fn streams(method: &Method) -> bool {
    matches!(method.decided.call_type, CallType::Session | CallType::Correctable(Replies::Stream))
}

const fn about_handler(method: &Method) -> &'static str {
    if method.decided.call_type.is_one_way() {
        "Handles a one-way message: nothing is answered."
    } else if matches!(method.decided.call_type, CallType::Session) {
        "Serves one session. When it returns, the session ends; an error is the status that the \
         client sees."
    } else if matches!(method.decided.call_type, CallType::Correctable(Replies::Stream)) {
        "Handles a request by any number of replies. When it returns, it has said all; an error is \
         answered as it is. When the client wants to hear no more, it is dropped where it waits."
    } else {
        "Handles a request. An error is answered as it is."
    }
}
