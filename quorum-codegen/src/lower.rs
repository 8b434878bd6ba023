//! From descriptors to the model.

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

use crate::error::Problem;
use crate::model::{CallType, Method, Service};
use crate::names;
use crate::options;
use crate::position::{Includes, comment};

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
        docs: comment(&file, service.path()),
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
    let call_type = match *options::call_types(pool, method) {
        [] => CallType::Rpc,
        [only] => only,
        [first, second, ..] => {
            let (first, second) = (first.option(), second.option());
            let message = format!("{rpc} has two call types, `{first}` and `{second}`");
            let help = "an rpc has one call type: keep the option that says how it is called, and \
                        write a second rpc where both are needed";
            return Err(Problem { place, message, help: Some(help.to_owned()) });
        }
    };
    if method.is_client_streaming() || method.is_server_streaming() {
        let what = if method.is_client_streaming() { "request" } else { "reply" };
        let message = format!("{rpc} streams its {what}, which no call type here supports");
        let help = format!("take `stream` away from the {what}, and make one call per message");
        return Err(Problem { place, message, help: Some(help) });
    }
    Ok(Method {
        name: method.name().to_owned(),
        rust_name: names::method(method.name()),
        docs: comment(&file, method.path()),
        call_type,
        place,
    })
}
