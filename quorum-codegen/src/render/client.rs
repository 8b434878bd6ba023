use proc_macro2::TokenStream;
use quote::quote;

use super::docs::docs;
use super::{MessageTypes, View, allow_lints, ident, teach};
use crate::model::{CallType, Method};

/// The traits that add the calls of a service to the manager, a configuration and a node.
pub(super) fn render(view: &View<'_>) -> TokenStream {
    let (manager, configuration, node) = (manager(view), configuration(view), node(view));
    quote!(#manager #configuration #node)
}

fn manager(view: &View<'_>) -> TokenStream {
    let (allow, examples) = (allow_lints(), teach::manager(view));
    let (name, spec, method) = (&view.names.manager, &view.names.spec, &view.names.method);
    let service = &view.service.name;
    let about = docs(
        &[],
        &format!("Adds the service `{service}` to a manager, where this trait is in scope."),
    );
    let about_method = docs(
        &view.service.docs,
        &format!(
            "A configuration of all nodes of the manager, whose calls of `{service}` are decided by \
             `spec`.\n\n# Errors\n\nNone as long as the manager has a node, which its builder sees to."
        ),
    );
    let returns = quote! {
        ::core::result::Result<
            ::quorum_runtime::Configuration<__Spec>,
            ::quorum_runtime::ConfigurationError,
        >
    };
    quote! {
        #about
        #examples
        #allow
        pub trait #name {
            #about_method
            fn #method<__Spec: #spec>(&self, spec: __Spec) -> #returns;
        }

        #allow
        impl #name for ::quorum_runtime::Manager {
            fn #method<__Spec: #spec>(&self, spec: __Spec) -> #returns {
                Self::configuration(self, spec)
            }
        }
    }
}

fn configuration(view: &View<'_>) -> TokenStream {
    let (allow, examples) = (allow_lints(), teach::configuration(view));
    let (name, spec) = (&view.names.configuration, &view.names.spec);
    let about = docs(
        &[],
        &format!(
            "The calls of `{}` on all nodes of a configuration, where this trait is in scope.",
            view.service.name
        ),
    );
    let group = || view.methods().filter(|(method, _)| method.decided.call_type.is_group());
    let declared = group().map(|(method, types)| {
        let about = docs(&method.docs, &on_configuration(method));
        let signature = group_signature(method, types);
        quote!(#about #signature;)
    });
    let defined = group().map(|(method, types)| {
        let (signature, call) = (group_signature(method, types), ident(&group_call(method)));
        let (name, method_tokens) = (ident(&method.rust_name), view.method(method));
        let per_node = method.decided.per_node_arg.then(|| quote!(per_node,));
        let function = method
            .decided
            .call_type
            .has_quorum_function()
            .then(|| quote!(<__Spec as #spec>::#name,));
        quote!(#signature {
            ::quorum_runtime::__private::#call(self, #method_tokens, request, #per_node #function)
        })
    });
    quote! {
        #about
        #examples
        #allow
        pub trait #name {
            #(#declared)*
        }

        #allow
        impl<__Spec: #spec> #name for ::quorum_runtime::Configuration<__Spec> {
            #(#defined)*
        }
    }
}

fn node(view: &View<'_>) -> TokenStream {
    let (allow, examples) = (allow_lints(), teach::node(view));
    let name = &view.names.node;
    let about = docs(
        &[],
        &format!("The calls of `{}` on one node, where this trait is in scope.", view.service.name),
    );
    let single = || view.methods().filter(|(method, _)| method.decided.call_type.is_single());
    let declared = single().map(|(method, types)| {
        let (about, signature) =
            (docs(&method.docs, on_node(method)), node_signature(method, types));
        quote!(#about #signature;)
    });
    let defined = single().map(|(method, types)| {
        let (signature, method_tokens) = (node_signature(method, types), view.method(method));
        let body = match method.decided.call_type {
            CallType::Session => quote!(::quorum_runtime::__private::session(self, #method_tokens)),
            one_way if one_way.is_one_way() => {
                quote!(::quorum_runtime::__private::unicast(self, #method_tokens, request))
            }
            _ => quote!(::quorum_runtime::__private::rpc(self, #method_tokens, request)),
        };
        quote!(#signature { #body })
    });
    quote! {
        #about
        #examples
        #allow
        pub trait #name {
            #(#declared)*
        }

        #allow
        impl #name for ::quorum_runtime::Node {
            #(#defined)*
        }
    }
}

fn group_signature(method: &Method, types: &MessageTypes) -> TokenStream {
    let (name, request, reply) = (ident(&method.rust_name), &types.request, &types.reply);
    let result = types.result(method);
    let returns = match method.decided.call_type {
        CallType::QuorumCall => {
            // Where the result is a reply, that is what the type says by default.
            let result = method.decided.custom_return_type.is_some().then(|| quote!(, #result));
            quote!(::quorum_runtime::QuorumCall<#request, #reply #result>)
        }
        CallType::Correctable(_) => {
            quote!(::quorum_runtime::Correctable<#request, #reply, #result>)
        }
        CallType::Rpc | CallType::Session | CallType::Unicast | CallType::Multicast => {
            quote!(::quorum_runtime::OneWay)
        }
    };
    let per_node = method.decided.per_node_arg.then(|| {
        quote! {
            , per_node: impl ::core::ops::FnMut(
                &#request,
                ::quorum_runtime::NodeId,
            ) -> ::core::option::Option<#request>
        }
    });
    quote! {
        fn #name(
            &self,
            request: impl ::quorum_runtime::IntoRequest<#request>
            #per_node
        ) -> #returns
    }
}

/// The function of the runtime that makes a group call.
fn group_call(method: &Method) -> String {
    let call = match method.decided.call_type {
        CallType::QuorumCall => "quorum_call",
        CallType::Correctable(_) => "correctable",
        CallType::Rpc | CallType::Session | CallType::Unicast | CallType::Multicast => "multicast",
    };
    if method.decided.per_node_arg { format!("{call}_per_node") } else { call.to_owned() }
}

fn node_signature(method: &Method, types: &MessageTypes) -> TokenStream {
    let (name, request, reply) = (ident(&method.rust_name), &types.request, &types.reply);
    let returns = match method.decided.call_type {
        CallType::Session => {
            return quote!(fn #name(&self) -> ::quorum_runtime::Session<#request, #reply>);
        }
        one_way if one_way.is_one_way() => quote!(::quorum_runtime::OneWay),
        _ => quote!(::quorum_runtime::Rpc<#reply>),
    };
    quote!(fn #name(&self, request: impl ::quorum_runtime::IntoRequest<#request>) -> #returns)
}

fn on_configuration(method: &Method) -> String {
    let sent = if method.decided.per_node_arg {
        "Sends each target the message that `per_node` makes for it of `request`, before it returns; \
         a target for which that is `None` is skipped"
    } else {
        "Sends the request to every target before it returns"
    };
    let then = match method.decided.call_type {
        CallType::QuorumCall => {
            ". Await the result: the quorum function of the specification makes it of the replies."
        }
        CallType::Correctable(_) => {
            ". Its levels improve while replies come in, as the function of the specification says; \
             awaiting it waits for the last."
        }
        CallType::Rpc | CallType::Session | CallType::Unicast | CallType::Multicast => {
            "; nothing is answered. Awaiting the result waits until the connections have taken it."
        }
    };
    format!("{sent}{then}")
}

const fn on_node(method: &Method) -> &'static str {
    if matches!(method.decided.call_type, CallType::Session) {
        "Opens an ordered session with this node, in which either side may speak first."
    } else if method.decided.call_type.is_one_way() {
        "Sends the message to this node before it returns; nothing is answered. Awaiting the result \
         waits until the connection has taken it."
    } else {
        "Sends the request to this node before it returns. Await the reply."
    }
}
