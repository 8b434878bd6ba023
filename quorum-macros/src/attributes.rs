//! What stands in the parentheses of the attributes.

use quorum_codegen::emit::{CallType, Declared};
use quote::ToTokens as _;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Ident, LitBool, LitStr, Type};

/// What `#[service(…)]` says.
#[derive(Default)]
pub(crate) struct ServiceArguments {
    pub(crate) package: String,
    pub(crate) runtime: Option<syn::Path>,
}

impl ServiceArguments {
    pub(crate) fn parse(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("package") {
            let package: LitStr = meta.value()?.parse()?;
            if !is_package(&package.value()) {
                let message = "a package is made of identifiers with dots between them: `a.b`";
                return Err(syn::Error::new(package.span(), message));
            }
            self.package = package.value();
            Ok(())
        } else if meta.path.is_ident("runtime") {
            self.runtime = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            Ok(())
        } else {
            Err(meta.error("`service` takes `package = \"…\"` and `runtime = \"…\"`"))
        }
    }
}

fn is_package(name: &str) -> bool {
    name.split('.').all(|part| syn::parse_str::<Ident>(part).is_ok())
}

/// What the `#[call(…)]` of a method says.
pub(crate) fn declared(attributes: &[Attribute]) -> syn::Result<Declared> {
    let mut declared = Declared::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("call")) {
        attribute.parse_nested_meta(|meta| option(&mut declared, &meta))?;
    }
    Ok(declared)
}

fn option(declared: &mut Declared, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
    let call_type = CallType::ALL.into_iter().find(|call_type| call_type.option() == name);
    if let Some(call_type) = call_type {
        declared.call_types.push(call_type);
        return Ok(());
    }
    match name.as_str() {
        "per_node_arg" => declared.per_node_arg = true,
        "custom_return_type" => {
            let result: Type = meta.value()?.parse()?;
            declared.custom_return_type = Some(result.to_token_stream().to_string());
        }
        "ordered" => declared.ordered = Some(meta.value()?.parse::<LitBool>()?.value),
        "queue" => declared.latest = one_of(meta, &["ALL", "LATEST"])? == 1,
        "idempotency_level" => {
            let levels = ["IDEMPOTENCY_UNKNOWN", "IDEMPOTENT", "NO_SIDE_EFFECTS"];
            declared.idempotent = one_of(meta, &levels)? > 0;
        }
        _ => {
            let types = CallType::ALL.map(CallType::option).join("`, `");
            return Err(meta.error(format!(
                "there is no such option: a call is `{types}`, and may have `per_node_arg`, \
                 `custom_return_type = …`, `ordered = …`, `queue = …`, `idempotency_level = …`"
            )));
        }
    }
    Ok(())
}

/// Which of these words is the value of an option.
fn one_of(meta: &ParseNestedMeta<'_>, words: &[&str]) -> syn::Result<usize> {
    let word: Ident = meta.value()?.parse()?;
    let found = words.iter().position(|known| word == known);
    found.ok_or_else(|| syn::Error::new(word.span(), format!("write `{}`", words.join("` or `"))))
}
