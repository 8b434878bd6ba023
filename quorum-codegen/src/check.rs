//! Whether the names of a service can stand beside each other in Rust.

use std::collections::BTreeMap;

use crate::model::Service;
use crate::names::{self, taken};

/// A name that would clash in the generated code.
#[derive(Debug)]
pub struct Clash {
    /// Which of the service's methods, or the service itself.
    pub method: Option<usize>,
    /// `rpc …` or `service …` and what it clashes with.
    pub what: String,
    /// The mend.
    pub help: String,
}

/// Every clash of a service with itself and with the types that its methods are added to.
#[must_use]
pub fn clashes(service: &Service) -> Vec<Clash> {
    let mut clashes = Vec::new();
    clashes.extend(of_service(service));
    of_methods(service, &mut clashes);
    clashes
}

/// A service becomes a method of the manager.
fn of_service(service: &Service) -> Option<Clash> {
    let rust_name = names::method(&service.name);
    owner_of(&rust_name, &[("Manager", taken::MANAGER)]).map(|owner| Clash {
        method: None,
        what: format!(
            "service `{}` becomes the Rust method `{rust_name}`, which `quorum_runtime::{owner}` has \
             already",
            service.name
        ),
        help: format!("rename it, to `{}Service` for example", service.name),
    })
}

/// The rpcs of a service become methods of the same traits, and of types that have some already.
fn of_methods(service: &Service, clashes: &mut Vec<Clash>) {
    let mut seen = BTreeMap::new();
    for (index, method) in service.methods.iter().enumerate() {
        let (rpc, rust_name) = (format!("{}.{}", service.name, method.name), &method.rust_name);
        if let Some(first) = seen.insert(rust_name, &method.name) {
            clashes.push(Clash {
                method: Some(index),
                what: format!(
                    "rpc `{rpc}` and rpc `{}.{first}` both become the Rust method `{rust_name}`",
                    service.name
                ),
                help: "rename one of them".to_owned(),
            });
        }
        let mut owners = vec![("Node", taken::NODE)];
        if method.decided.call_type.is_group() {
            owners.push(("Configuration", taken::CONFIGURATION));
        }
        if let Some(owner) = owner_of(rust_name, &owners) {
            clashes.push(Clash {
                method: Some(index),
                what: format!(
                    "rpc `{rpc}` becomes the Rust method `{rust_name}`, which \
                     `quorum_runtime::{owner}` has already"
                ),
                help: format!("rename it, to `{}Value` for example", method.name),
            });
        }
    }
}

fn owner_of<'a>(rust_name: &str, owners: &[(&'a str, &[&str])]) -> Option<&'a str> {
    let has = |(_, names): &&(&str, &[&str])| {
        names.contains(&rust_name) || taken::EVERYWHERE.contains(&rust_name)
    };
    owners.iter().find(has).map(|(owner, _)| *owner)
}
