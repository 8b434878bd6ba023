//! From descriptors to the model.

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

use crate::error::Problem;
use crate::model::{CallType, Method, Replies, Service};
use crate::names;
use crate::options::{Options, PACKAGE};
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
    let refused = |Refusal { what, help }| Problem {
        place: place.clone(),
        message: format!("{rpc} {what}"),
        help: Some(help),
    };
    let options = Options::of(pool, method);
    let call_type = call_type(method, &options).map_err(refused)?;
    refuse_senseless(call_type, &options).map_err(refused)?;
    let custom_return_type = options.custom_return_type.map(rust_type).transpose();
    Ok(Method {
        name: method.name().to_owned(),
        rust_name: names::method(method.name()),
        docs: comment(&file, method.path()),
        call_type,
        per_node_arg: options.per_node_arg,
        custom_return_type: custom_return_type.map_err(refused)?,
        ordered: options.ordered.unwrap_or(true),
        latest: options.latest,
        idempotent: options.idempotent,
        place,
    })
}

/// Why an rpc can't be: the rest of a sentence that begins with its name, and the mend.
struct Refusal {
    what: String,
    help: String,
}

impl Refusal {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

fn call_type(method: &MethodDescriptor, options: &Options) -> Result<CallType, Refusal> {
    let declared = match *options.call_types {
        [] => CallType::Rpc,
        [only] => only,
        [first, second, ..] => {
            return Err(Refusal::new(
                format!("has two call types, `{}` and `{}`", first.option(), second.option()),
                "an rpc has one call type: keep the option that says how it is called, and write a \
                 second rpc where both are needed",
            ));
        }
    };
    match declared {
        CallType::Rpc if method.is_client_streaming() && method.is_server_streaming() => {
            Ok(CallType::Session)
        }
        other if method.is_client_streaming() => Err(Refusal::new(
            format!("streams its request, which a call of type `{}` does not", other.option()),
            "take `stream` away from the request and make one call per message, or let both sides \
             stream and take the call type away for a session with one node",
        )),
        CallType::Correctable(_) if method.is_server_streaming() => {
            Ok(CallType::Correctable(Replies::Stream))
        }
        other if method.is_server_streaming() => Err(Refusal::new(
            format!("streams its reply, which a call of type `{}` does not", other.option()),
            format!(
                "take `stream` away from the reply, or write `option ({PACKAGE}.correctable) = true;` \
                 for a result that improves"
            ),
        )),
        other => Ok(other),
    }
}

/// Refuses options that mean nothing for a call of this type.
fn refuse_senseless(call_type: CallType, options: &Options) -> Result<(), Refusal> {
    let name = if call_type == CallType::Session { "a session" } else { call_type.option() };
    let senseless = |option: &str, why: &str| {
        let what = format!("has the option `{option}`, which means nothing for `{name}`: {why}");
        Err(Refusal::new(what, format!("take `{option}` away, or change the call type")))
    };
    if call_type == CallType::Session && options.ordered.is_some() {
        return senseless("ordered", "it has one handler, which sees its messages in order");
    }
    if call_type == CallType::Session && options.idempotent {
        return senseless("idempotency_level", "it does not outlive its connection");
    }
    if options.per_node_arg && !call_type.is_group() {
        return senseless("per_node_arg", "it is called on one node");
    }
    if options.custom_return_type.is_some() && !call_type.has_quorum_function() {
        return senseless("custom_return_type", "it has no quorum function");
    }
    if options.latest && !call_type.is_one_way() {
        return senseless("queue", "whoever waits for its reply would wait in vain");
    }
    if options.idempotent && call_type.is_one_way() {
        return senseless("idempotency_level", "nobody learns whether it was lost");
    }
    if options.idempotent && call_type == CallType::Correctable(Replies::Stream) {
        return senseless("idempotency_level", "replies that were seen would come again");
    }
    Ok(())
}

fn rust_type(name: String) -> Result<String, Refusal> {
    match syn::parse_str::<syn::Type>(&name) {
        Ok(_) => Ok(name),
        Err(_) => Err(Refusal::new(
            format!("has the custom_return_type `{name}`, which is no Rust type"),
            "name a type as the generated module can: `u64`, `crate::Summary`",
        )),
    }
}
