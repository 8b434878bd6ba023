//! Whether the names of the model can stand beside each other in Rust.

use std::collections::BTreeMap;

use prost_reflect::DescriptorPool;

use crate::error::Problem;
use crate::model::Service;
use crate::names::{self, ITEM_SUFFIXES, taken};
use crate::position::Includes;

/// Every name that would clash in the generated code.
pub(crate) fn check(
    services: &[Service],
    pool: &DescriptorPool,
    includes: &Includes,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for service in services {
        check_methods(service, &mut problems);
        check_service_method(service, &mut problems);
    }
    check_items(services, pool, includes, &mut problems);
    problems
}

/// The rpcs of a service become methods of the same traits, and of types that have some already.
fn check_methods(service: &Service, problems: &mut Vec<Problem>) {
    let mut seen = BTreeMap::new();
    for method in &service.methods {
        let (rpc, rust_name) = (format!("{}.{}", service.name, method.name), &method.rust_name);
        if let Some(first) = seen.insert(rust_name, &method.name) {
            problems.push(Problem {
                place: method.place.clone(),
                message: format!(
                    "rpc `{rpc}` and rpc `{}.{first}` both become the Rust method `{rust_name}`",
                    service.name
                ),
                help: Some("rename one of them".to_owned()),
            });
        }
        let mut owners = vec![("Node", taken::NODE)];
        if method.call_type.is_group() {
            owners.push(("Configuration", taken::CONFIGURATION));
        }
        if let Some(owner) = owner_of(rust_name, &owners) {
            problems.push(Problem {
                place: method.place.clone(),
                message: format!(
                    "rpc `{rpc}` becomes the Rust method `{rust_name}`, which \
                     `quorum_runtime::{owner}` has already"
                ),
                help: Some(format!("rename it, to `{}Value` for example", method.name)),
            });
        }
    }
}

/// A service becomes a method of the manager.
fn check_service_method(service: &Service, problems: &mut Vec<Problem>) {
    let rust_name = names::method(&service.name);
    if owner_of(&rust_name, &[("Manager", taken::MANAGER)]).is_some() {
        problems.push(Problem {
            place: service.place.clone(),
            message: format!(
                "service `{}` becomes the Rust method `{rust_name}`, which \
                 `quorum_runtime::Manager` has already",
                service.name
            ),
            help: Some(format!("rename it, to `{}Service` for example", service.name)),
        });
    }
}

fn owner_of<'a>(rust_name: &str, owners: &[(&'a str, &[&str])]) -> Option<&'a str> {
    let has = |(_, names): &&(&str, &[&str])| {
        names.contains(&rust_name) || taken::EVERYWHERE.contains(&rust_name)
    };
    owners.iter().find(has).map(|(owner, _)| *owner)
}

/// The items of a service stand beside the messages, enums and services of its package.
fn check_items(
    services: &[Service],
    pool: &DescriptorPool,
    includes: &Includes,
    problems: &mut Vec<Problem>,
) {
    let mut items = BTreeMap::new();
    for service in services {
        for suffix in ITEM_SUFFIXES {
            let item = format!("{}{suffix}", names::type_name(&service.name));
            let key = (service.package.clone(), item);
            if let Some(other) = items.get(&key) {
                let (_, item) = &key;
                problems.push(Problem {
                    place: service.place.clone(),
                    message: format!(
                        "service `{}` and service `{other}` both become the Rust item `{item}`",
                        service.name
                    ),
                    help: Some("rename one of the services".to_owned()),
                });
                continue;
            }
            items.insert(key, service.name.clone());
        }
    }
    for (kind, name, package, place) in types(pool, includes) {
        let item = names::type_name(&name);
        if let Some(service) = items.get(&(package, item.clone())) {
            problems.push(Problem {
                place,
                message: format!(
                    "{kind} `{name}` and an item that is generated for service `{service}` both \
                     become the Rust item `{item}`"
                ),
                help: Some(format!("rename the {kind} or the service")),
            });
        }
    }
}

/// The messages and enums at the top of all files: kind, name, package and place.
fn types(
    pool: &DescriptorPool,
    includes: &Includes,
) -> Vec<(&'static str, String, String, String)> {
    let mut types = Vec::new();
    for file in pool.files() {
        let package = file.package_name();
        for message in file.messages() {
            let place = includes.place(&file, message.path());
            types.push(("message", message.name().to_owned(), package.to_owned(), place));
        }
        for r#enum in file.enums() {
            let place = includes.place(&file, r#enum.path());
            types.push(("enum", r#enum.name().to_owned(), package.to_owned(), place));
        }
    }
    types
}
