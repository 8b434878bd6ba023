//! Whether the items that are generated for services can stand beside each other, and beside the
//! messages of their packages.

use std::collections::BTreeMap;

use prost_reflect::DescriptorPool;

use crate::check::clashes;
use crate::error::Problem;
use crate::model::Service;
use crate::names;
use crate::proto::position::Includes;

/// What is appended to the name of a service for each item that is generated for it.
const ITEM_SUFFIXES: [&str; 6] = ["", "Server", "Manager", "Configuration", "Node", "QuorumSpec"];

/// Every name that would clash in the generated code.
pub(crate) fn check(
    services: &[Service],
    pool: &DescriptorPool,
    includes: &Includes,
) -> Vec<Problem> {
    let mut problems: Vec<_> = services.iter().flat_map(of_service).collect();
    check_items(services, pool, includes, &mut problems);
    problems
}

fn of_service(service: &Service) -> Vec<Problem> {
    let problem = |clash: crate::check::Clash| {
        let place = clash.method.map_or(&service.place, |index| &service.methods[index].place);
        Problem { place: place.clone(), message: clash.what, help: Some(clash.help) }
    };
    clashes(service).into_iter().map(problem).collect()
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
