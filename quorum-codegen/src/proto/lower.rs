//! From descriptors to the model.

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

use crate::error::Problem;
use crate::model::{Method, Service};
use crate::proto::position::{Includes, comment};
use crate::proto::{docs, options};
use crate::rules;

/// The services of all files, or every problem that stands in the way.
pub(crate) fn lower(
    pool: &DescriptorPool,
    includes: &Includes,
) -> Result<Vec<Service>, Vec<Problem>> {
    let mut problems = Vec::new();
    let services = pool
        .services()
        .map(|service| lower_service(pool, &service, includes, &mut problems))
        .collect();
    if problems.is_empty() { Ok(services) } else { Err(problems) }
}

fn lower_service(
    pool: &DescriptorPool,
    service: &ServiceDescriptor,
    includes: &Includes,
    problems: &mut Vec<Problem>,
) -> Service {
    let file = service.parent_file();
    let methods = service.methods().filter_map(|method| {
        lower_method(pool, &method, includes).map_err(|problem| problems.push(problem)).ok()
    });
    Service {
        name: service.name().to_owned(),
        package: service.package_name().to_owned(),
        docs: docs::harmless(&comment(&file, service.path())),
        methods: methods.collect(),
        place: includes.place(&file, service.path()),
    }
}

fn lower_method(
    pool: &DescriptorPool,
    method: &MethodDescriptor,
    includes: &Includes,
) -> Result<Method, Problem> {
    let file = method.parent_service().parent_file();
    let place = includes.place(&file, method.path());
    let rpc = format!("rpc `{}.{}`", method.parent_service().name(), method.name());
    let decided = rules::decide(options::declared(pool, method)).map_err(|refusal| Problem {
        place: place.clone(),
        message: format!("{rpc} {}", refusal.what),
        help: Some(refusal.help),
    })?;
    let docs = docs::harmless(&comment(&file, method.path()));
    Ok(Method::new(method.name(), docs, decided, place))
}
