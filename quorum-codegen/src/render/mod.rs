//! From the model to Rust.
//!
//! **Invariant:** what is emitted names everything by an absolute path, imports nothing, and holds no
//! logic: each method is one call of the runtime. **Invariant:** its type parameters begin with two
//! underscores, as no message of a `.proto` can.

mod client;
mod docs;
mod runtime_path;
mod server;
mod spec;
mod teach;
mod written;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, Type};

use crate::model::{CallType, Method, Replies, Service};
use crate::names;

pub use runtime_path::with_runtime;

/// The shape of generated code. The runtime refuses another one at compile time.
const REVISION: u32 = 1;

/// Lints that generated items would trip over in the crate of a user, who can't mend them: a program
/// uses a part of what is generated, often keeps it in a private module, and did not choose its names.
pub(crate) fn allow_lints() -> TokenStream {
    quote!(#[allow(dead_code, unreachable_pub, clippy::all, clippy::pedantic, clippy::nursery)])
}

/// The Rust types of the messages of one rpc.
pub struct MessageTypes {
    request: Type,
    reply: Type,
}

impl std::fmt::Debug for MessageTypes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { request, reply } = self;
        write!(f, "{} -> {}", quote!(#request), quote!(#reply))
    }
}

impl MessageTypes {
    /// From the types themselves.
    #[must_use]
    pub const fn new(request: Type, reply: Type) -> Self {
        Self { request, reply }
    }

    /// The type of the request and that of the reply.
    #[must_use]
    pub const fn both(&self) -> [&Type; 2] {
        [&self.request, &self.reply]
    }

    /// From the paths that prost gives.
    #[cfg(feature = "proto")]
    pub(crate) fn parse(request: &str, reply: &str) -> Self {
        let parse = |path: &str| syn::parse_str(path).expect("prost names types by Rust paths");
        Self { request: parse(request), reply: parse(reply) }
    }
}

/// All items of one service. The types are those of its methods, in the same order.
#[must_use]
pub fn service(service: &Service, types: &[MessageTypes]) -> TokenStream {
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

impl MessageTypes {
    /// What the quorum function of a method makes of the replies.
    fn result(&self, method: &Method) -> Type {
        let custom = method.decided.custom_return_type.as_ref();
        custom.map_or_else(
            || self.reply.clone(),
            |name| syn::parse_str(name).expect("lowering has seen that it is a type"),
        )
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

    /// Whether no quorum function has to be written.
    fn has_all_defaults(&self) -> bool {
        self.service.methods.iter().all(|method| method.decided.custom_return_type.is_none())
    }

    /// A method as the runtime takes it: its name on the wire, and what its options say.
    fn method(&self, method: &Method) -> TokenStream {
        let name = format!("{}.{}", self.service.full_name(), method.name);
        let mut tokens = quote!(::quorum_runtime::__private::Method::new(#name));
        if method.decided.call_type.is_one_way() {
            tokens.extend(quote!(.one_way()));
        }
        if method.decided.call_type == CallType::Correctable(Replies::Stream) {
            tokens.extend(quote!(.streams()));
        }
        if method.decided.idempotent {
            tokens.extend(quote!(.idempotent()));
        }
        if method.decided.latest {
            tokens.extend(quote!(.latest()));
        }
        if !method.decided.ordered {
            tokens.extend(quote!(.unordered()));
        }
        tokens
    }
}

/// An identifier that may be raw: `r#type`.
fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(name) => format_ident!("r#{name}"),
        None => format_ident!("{name}"),
    }
}
