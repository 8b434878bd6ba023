use proc_macro2::TokenStream;
use quote::quote;

use super::docs::docs;
use super::{MessageTypes, View, allow_lints, ident};
use crate::model::{CallType, Method};

/// The traits that add the calls of a service to the manager, a configuration and a node.
pub(super) fn render(view: &View<'_>) -> TokenStream {
    let (manager, configuration, node) = (manager(view), configuration(view), node(view));
    quote!(#manager #configuration #node)
}

fn manager(view: &View<'_>) -> TokenStream {
    let allow = allow_lints();
    let (name, spec, method) = (&view.names.manager, &view.names.spec, &view.names.method);
    let service = &view.service.name;
    let about = docs(&[], &format!("Adds the service `{service}` to a manager."));
    let about_method = docs(
        &view.service.docs,
        &format!(
            "A configuration of all nodes of the manager, whose calls of `{service}` are decided by \
             `spec`.\n\n# Errors\n\nNone as long as the manager has a node, which its builder sees to."
        ),
    );
    let returns = quote! {
        ::core::result::Result<
            ::quorum_runtime::Configuration<S>,
            ::quorum_runtime::ConfigurationError,
        >
    };
    quote! {
        #about
        #allow
        pub trait #name {
            #about_method
            fn #method<S: #spec>(&self, spec: S) -> #returns;
        }

        impl #name for ::quorum_runtime::Manager {
            fn #method<S: #spec>(&self, spec: S) -> #returns {
                Self::configuration(self, spec)
            }
        }
    }
}

fn configuration(view: &View<'_>) -> TokenStream {
    let allow = allow_lints();
    let (name, spec) = (&view.names.configuration, &view.names.spec);
    let about = docs(
        &[],
        &format!("The calls of `{}` on all nodes of a configuration.", view.service.name),
    );
    let group = || view.methods().filter(|(method, _)| method.call_type.is_group());
    let declared = group().map(|(method, types)| {
        let (about, signature) =
            (docs(&method.docs, on_configuration(method)), group_signature(method, types));
        quote!(#about #signature;)
    });
    let defined = group().map(|(method, types)| {
        let (signature, wire_name) = (group_signature(method, types), view.wire_name(method));
        let body = match method.call_type {
            CallType::QuorumCall => {
                let function = ident(&method.rust_name);
                quote!(::quorum_runtime::__private::quorum_call(
                    self,
                    #wire_name,
                    request,
                    <S as #spec>::#function,
                ))
            }
            CallType::Rpc | CallType::Unicast | CallType::Multicast => {
                quote!(::quorum_runtime::__private::multicast(self, #wire_name, request))
            }
        };
        quote!(#signature { #body })
    });
    quote! {
        #about
        #allow
        pub trait #name {
            #(#declared)*
        }

        impl<S: #spec> #name for ::quorum_runtime::Configuration<S> {
            #(#defined)*
        }
    }
}

fn node(view: &View<'_>) -> TokenStream {
    let allow = allow_lints();
    let name = &view.names.node;
    let about = docs(&[], &format!("The calls of `{}` on one node.", view.service.name));
    let declared = view.methods().map(|(method, types)| {
        let (about, signature) =
            (docs(&method.docs, on_node(method)), node_signature(method, types));
        quote!(#about #signature;)
    });
    let defined = view.methods().map(|(method, types)| {
        let (signature, wire_name) = (node_signature(method, types), view.wire_name(method));
        let body = if method.call_type.is_one_way() {
            quote!(::quorum_runtime::__private::unicast(self, #wire_name, request))
        } else {
            quote!(::quorum_runtime::__private::rpc(self, #wire_name, request))
        };
        quote!(#signature { #body })
    });
    quote! {
        #about
        #allow
        pub trait #name {
            #(#declared)*
        }

        impl #name for ::quorum_runtime::Node {
            #(#defined)*
        }
    }
}

fn group_signature(method: &Method, types: &MessageTypes) -> TokenStream {
    let (name, request, reply) = (ident(&method.rust_name), &types.request, &types.reply);
    let returns = match method.call_type {
        CallType::QuorumCall => quote!(::quorum_runtime::QuorumCall<#request, #reply>),
        CallType::Rpc | CallType::Unicast | CallType::Multicast => quote!(::quorum_runtime::OneWay),
    };
    quote!(fn #name(&self, request: impl ::quorum_runtime::IntoRequest<#request>) -> #returns)
}

fn node_signature(method: &Method, types: &MessageTypes) -> TokenStream {
    let (name, request, reply) = (ident(&method.rust_name), &types.request, &types.reply);
    let returns = if method.call_type.is_one_way() {
        quote!(::quorum_runtime::OneWay)
    } else {
        quote!(::quorum_runtime::Rpc<#reply>)
    };
    quote!(fn #name(&self, request: impl ::quorum_runtime::IntoRequest<#request>) -> #returns)
}

const fn on_configuration(method: &Method) -> &'static str {
    match method.call_type {
        CallType::QuorumCall => {
            "Sends the request to every node before it returns. Await the result: the quorum \
             function of the specification makes it of the replies."
        }
        CallType::Rpc | CallType::Unicast | CallType::Multicast => {
            "Sends the message to every node before it returns; nothing is answered. Awaiting the \
             result waits until the connections have taken it."
        }
    }
}

const fn on_node(method: &Method) -> &'static str {
    if method.call_type.is_one_way() {
        "Sends the message to this node before it returns; nothing is answered. Awaiting the result \
         waits until the connection has taken it."
    } else {
        "Sends the request to this node before it returns. Await the reply."
    }
}
