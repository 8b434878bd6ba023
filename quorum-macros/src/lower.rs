//! From a trait to the model of the generator.

use heck::ToUpperCamelCase as _;
use proc_macro2::TokenStream;
use quorum_codegen::emit::{self, MessageTypes, Method, Service};
use quote::quote_spanned;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Expr, FnArg, GenericArgument, ItemTrait, Lit, Meta, PathArguments, ReturnType,
    Signature, TraitItem, TraitItemFn, Type, TypeParamBound,
};

use crate::attributes::{ServiceArguments, declared};

/// What the generator emits for a trait.
pub(crate) fn service(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut settings = ServiceArguments::default();
    syn::meta::parser(|meta| settings.parse(&meta)).parse2(arguments)?;
    let item: ItemTrait = syn::parse2(item)?;
    refuse_what_a_service_has_not(&item)?;
    let lowered = collect(item.items.iter().map(lower_item))?;
    let (methods, types): (Vec<_>, Vec<_>) = lowered.into_iter().unzip();
    let name = item.ident.to_string();
    let service = Service::new(&name, &settings.package, docs(&item.attrs), methods, String::new());
    refuse_clashes(&service, &item)?;
    let mut tokens = assertions(&types);
    tokens.extend(emit::service(&service, &types));
    Ok(match &settings.runtime {
        Some(runtime) => emit::with_runtime(tokens, runtime),
        None => tokens,
    })
}

/// Makes the compiler point at a type that is no message, and not at the whole trait.
fn assertions(types: &[MessageTypes]) -> TokenStream {
    let messages = types.iter().flat_map(MessageTypes::both);
    messages
        .map(|message| {
            quote_spanned! {message.span()=>
                const _: () = ::quorum_runtime::__private::assert_message::<#message>();
            }
        })
        .collect()
}

fn refuse_what_a_service_has_not(item: &ItemTrait) -> syn::Result<()> {
    let refuse = |span, message| Err(syn::Error::new(span, message));
    if !item.generics.params.is_empty() {
        return refuse(item.generics.span(), "a service has no type parameters");
    }
    if !item.supertraits.is_empty() {
        return refuse(item.supertraits.span(), "a service has no supertraits");
    }
    if item.unsafety.is_some() {
        return refuse(item.unsafety.span(), "a service is not unsafe");
    }
    if !matches!(item.vis, syn::Visibility::Public(_)) {
        let message = "what is generated for a service is public: write `pub trait`, in a private \
                       module if it is to be private";
        return refuse(item.trait_token.span, message);
    }
    Ok(())
}

fn lower_item(item: &TraitItem) -> syn::Result<(Method, MessageTypes)> {
    match item {
        TraitItem::Fn(method) => lower_method(method),
        other => Err(syn::Error::new(other.span(), "a service has methods and nothing else")),
    }
}

fn lower_method(method: &TraitItemFn) -> syn::Result<(Method, MessageTypes)> {
    let signature = &method.sig;
    if let Some(body) = &method.default {
        return Err(syn::Error::new(body.span(), "a call has no body: servers implement it"));
    }
    let (request, streams_request) = request(signature)?;
    let (reply, streams_reply) = reply(signature)?;
    let mut declared = declared(&method.attrs)?;
    declared.streams_request = streams_request;
    declared.streams_reply = streams_reply;
    let decided = emit::decide(declared).map_err(|refusal| {
        let message = format!("`{}` {}\nhelp: {}", signature.ident, refusal.what, refusal.help);
        syn::Error::new(signature.ident.span(), message)
    })?;
    let name = signature.ident.to_string();
    let name = name.strip_prefix("r#").unwrap_or(&name).to_upper_camel_case();
    let lowered = Method::new(&name, docs(&method.attrs), decided, String::new());
    Ok((lowered, MessageTypes::new(request, reply)))
}

/// The type of the one message that a call takes, and whether it is a stream of them.
fn request(signature: &Signature) -> syn::Result<(Type, bool)> {
    let mut inputs = signature.inputs.iter();
    let (receiver, request, rest) = (inputs.next(), inputs.next(), inputs.next());
    let shape = "a call takes `&self` and one message: `async fn name(&self, request: Request)`";
    match (receiver, request, rest) {
        (Some(FnArg::Receiver(receiver)), Some(FnArg::Typed(request)), None)
            if receiver.reference.is_some() && receiver.mutability.is_none() =>
        {
            Ok(message_of(&request.ty))
        }
        _ => Err(syn::Error::new(signature.span(), shape)),
    }
}

/// The type of the reply, and whether it is a stream of them.
fn reply(signature: &Signature) -> syn::Result<(Type, bool)> {
    let ReturnType::Type(_, reply) = &signature.output else {
        return Ok((syn::parse_quote!(()), false));
    };
    if let Type::Path(path) = &**reply
        && path.path.segments.last().is_some_and(|segment| segment.ident == "Result")
    {
        let message = "write the reply alone: that a handler may fail is understood";
        return Err(syn::Error::new(reply.span(), message));
    }
    Ok(message_of(reply))
}

/// `M` and whether it stands for a stream: of `M`, or of `impl Stream<Item = M>`.
fn message_of(ty: &Type) -> (Type, bool) {
    let item = match ty {
        Type::ImplTrait(bounds) => bounds.bounds.iter().find_map(item_of),
        _ => None,
    };
    item.map_or_else(|| (ty.clone(), false), |item| (item, true))
}

fn item_of(bound: &TypeParamBound) -> Option<Type> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let segment = bound.path.segments.last().filter(|segment| segment.ident == "Stream")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(item) if item.ident == "Item" => Some(item.ty.clone()),
        _ => None,
    })
}

fn refuse_clashes(service: &Service, item: &ItemTrait) -> syn::Result<()> {
    collect(emit::clashes(service).into_iter().map(|clash| {
        let method = clash.method.and_then(|index| item.items.get(index));
        let span = method.map_or_else(
            || item.ident.span(),
            |method| match method {
                TraitItem::Fn(method) => method.sig.ident.span(),
                other => other.span(),
            },
        );
        Err::<(), _>(syn::Error::new(span, format!("{}\nhelp: {}", clash.what, clash.help)))
    }))
    .map(drop)
}

/// The lines of the documentation comments.
fn docs(attributes: &[Attribute]) -> Vec<String> {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let lines = attributes.iter().filter_map(line);
    lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned()).collect()
}

/// All values, or all errors.
fn collect<T>(results: impl Iterator<Item = syn::Result<T>>) -> syn::Result<Vec<T>> {
    let mut values = Vec::new();
    let mut errors: Option<syn::Error> = None;
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(error) => match &mut errors {
                Some(errors) => errors.combine(error),
                None => errors = Some(error),
            },
        }
    }
    errors.map_or(Ok(values), Err)
}
