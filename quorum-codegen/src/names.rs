//! From the names of a `.proto` to those of Rust, and the names that are taken.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// The Rust identifier of an rpc or of the method that stands for a service: `read_all`, `r#type`.
pub(crate) fn method(proto: &str) -> String {
    let name = proto.to_snake_case();
    match name.as_str() {
        // These can't be raw identifiers.
        "self" | "super" | "crate" | "extern" => format!("{name}_"),
        _ if syn::parse_str::<syn::Ident>(&name).is_err() => format!("r#{name}"),
        _ => name,
    }
}

/// The Rust type of a service, a message or an enum, as prost names it.
pub(crate) fn type_name(proto: &str) -> String {
    let name = proto.to_upper_camel_case();
    if name == "Self" { "Self_".to_owned() } else { name }
}

/// Methods that the types of the runtime have themselves. A generated method of the same name would
/// be hidden by them. A test compares these lists with the runtime.
pub(crate) mod taken {
    /// By `quorum_runtime::Manager`.
    pub(crate) const MANAGER: &[&str] = &[
        "add_node",
        "close",
        "configuration",
        "events",
        "move_node",
        "node",
        "nodes",
        "ready",
        "remove_node",
        "wait_for",
    ];
    /// By `quorum_runtime::Configuration`.
    pub(crate) const CONFIGURATION: &[&str] = &[
        "fastest",
        "intercept",
        "members",
        "only",
        "ready",
        "sort_by",
        "spec",
        "targets",
        "thrifty",
        "with_members",
        "without_failed",
    ];
    /// By `quorum_runtime::Node`.
    pub(crate) const NODE: &[&str] =
        &["address", "connection_state", "id", "incarnation", "latency", "losses", "ready"];
    /// By traits that are in scope everywhere and that all of these types implement.
    pub(crate) const EVERYWHERE: &[&str] =
        &["clone", "clone_from", "clone_into", "into", "to_owned", "try_into"];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn rpcs_become_identifiers() {
        let names = ["ReadAll", "ReadRPC", "read", "Type", "Self", "New"].map(method);
        assert_eq!(names, ["read_all", "read_rpc", "read", "r#type", "self_", "new"]);
    }

    /// The public methods with a receiver of a type in source files of the runtime.
    fn methods_of(of: &str, files: &[&str]) -> BTreeSet<String> {
        let items = files.iter().flat_map(|file| {
            let path = format!("{}/../quorum-runtime/src/{file}", env!("CARGO_MANIFEST_DIR"));
            syn::parse_file(&fs::read_to_string(&path).expect(&path)).expect(&path).items
        });
        let is_of = |ty: &syn::Type| match ty {
            syn::Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == of),
            _ => false,
        };
        let inherent = items.filter_map(|item| match item {
            syn::Item::Impl(block) if block.trait_.is_none() && is_of(&block.self_ty) => {
                Some(block.items)
            }
            _ => None,
        });
        let method = |item| match item {
            syn::ImplItem::Fn(f) => {
                let is_public = matches!(f.vis, syn::Visibility::Public(_));
                (is_public && f.sig.receiver().is_some()).then(|| f.sig.ident.to_string())
            }
            _ => None,
        };
        inherent.flatten().filter_map(method).collect()
    }

    #[test]
    fn the_names_that_are_taken_are_those_of_the_runtime() {
        let sorted =
            |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(
            sorted(taken::MANAGER),
            methods_of("Manager", &["manager/mod.rs", "manager/connections.rs"])
        );
        assert_eq!(
            sorted(taken::CONFIGURATION),
            methods_of("Configuration", &["configuration.rs"])
        );
        assert_eq!(sorted(taken::NODE), methods_of("Node", &["node.rs"]));
    }
}
