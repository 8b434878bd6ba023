//! From the model to Rust.
//!
//! **Invariant:** what is emitted names everything by an absolute path, imports nothing, and holds no
//! logic: each method is one call of the runtime.

mod client;
mod docs;
mod server;
mod spec;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, Type};

use crate::model::{Method, Service};
use crate::names;

/// The shape of generated code. The runtime refuses another one at compile time.
const REVISION: u32 = 1;

/// Lints that generated items would trip over in the crate of a user, who can't mend them: a program
/// uses a part of what is generated, and often keeps it in a private module.
pub(crate) fn allow_lints() -> TokenStream {
    quote!(#[allow(dead_code, unreachable_pub)])
}

/// The Rust types of the messages of one rpc.
pub(crate) struct MessageTypes {
    request: Type,
    reply: Type,
}

impl MessageTypes {
    /// From the paths that prost gives.
    pub(crate) fn parse(request: &str, reply: &str) -> Self {
        let parse = |path: &str| syn::parse_str(path).expect("prost names types by Rust paths");
        Self { request: parse(request), reply: parse(reply) }
    }
}

/// All items of one service. The types are those of its methods, in the same order.
pub(crate) fn service(service: &Service, types: &[MessageTypes]) -> TokenStream {
    assert_eq!(service.methods.len(), types.len(), "a method has one pair of types");
    let view = View { service, names: Names::of(service), types };
    let (spec, client, server) =
        (spec::render(&view), client::render(&view), server::render(&view));
    quote! {
        const _: () = ::quorum_runtime::__private::assert_codegen_revision(#REVISION);
        #spec
        #client
        #server
    }
}

/// A service with all that its parts are rendered from.
struct View<'a> {
    service: &'a Service,
    names: Names,
    types: &'a [MessageTypes],
}

/// The identifiers of the items of a service.
struct Names {
    service: Ident,
    server: Ident,
    manager: Ident,
    configuration: Ident,
    node: Ident,
    spec: Ident,
    /// The method that `manager` adds.
    method: Ident,
}

impl Names {
    fn of(service: &Service) -> Self {
        let name = names::type_name(&service.name);
        Self {
            service: format_ident!("{name}"),
            server: format_ident!("{name}Server"),
            manager: format_ident!("{name}Manager"),
            configuration: format_ident!("{name}Configuration"),
            node: format_ident!("{name}Node"),
            spec: format_ident!("{name}QuorumSpec"),
            method: ident(&names::method(&service.name)),
        }
    }
}

impl<'a> View<'a> {
    /// Each method with the types of its messages.
    fn methods(&self) -> impl Iterator<Item = (&'a Method, &'a MessageTypes)> {
        self.service.methods.iter().zip(self.types)
    }

    /// The name of a method on the wire, as the runtime takes it.
    fn wire_name(&self, method: &Method) -> TokenStream {
        let name = format!("{}.{}", self.service.full_name(), method.name);
        quote!(::quorum_runtime::__private::Method::new(#name))
    }
}

/// An identifier that may be raw: `r#type`.
fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(name) => format_ident!("r#{name}"),
        None => format_ident!("{name}"),
    }
}
