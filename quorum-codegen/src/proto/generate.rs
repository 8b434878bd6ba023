//! What every front end does once it has read the descriptors: lower, check, and set prost up to
//! render.

use std::collections::BTreeMap;

use prost_reflect::DescriptorPool;

use crate::error::Problem;
use crate::model::Service;
use crate::proto::position::Includes;
use crate::proto::{items, lower, unsupported};
use crate::render::{self, MessageTypes};

/// Sets prost up to generate the services of a pool beside its messages. The runtime is where it says,
/// or else at `::quorum_runtime`.
pub(crate) fn prepare(
    prost: &mut prost_build::Config,
    pool: &DescriptorPool,
    includes: &Includes,
    runtime: Option<syn::Path>,
) -> Result<(), Vec<Problem>> {
    let unsupported = unsupported::check(pool, includes);
    if !unsupported.is_empty() {
        return Err(unsupported);
    }
    let services = lower::lower(pool, includes)?;
    let clashes = items::check(&services, pool, includes);
    if !clashes.is_empty() {
        return Err(clashes);
    }
    prost.type_attribute(".", render::allow_lints().to_string());
    let services = services.into_iter().map(|service| (service.full_name(), service)).collect();
    prost.service_generator(Box::new(Services { services, runtime }));
    Ok(())
}

/// prost asks for each service, and knows the Rust types of its messages.
struct Services {
    /// By their full names.
    services: BTreeMap<String, Service>,
    runtime: Option<syn::Path>,
}

impl prost_build::ServiceGenerator for Services {
    fn generate(&mut self, service: prost_build::Service, code: &mut String) {
        let full_name = match service.package.as_str() {
            "" => service.proto_name.clone(),
            package => format!("{package}.{}", service.proto_name),
        };
        let Some(model) = self.services.get(&full_name) else {
            return;
        };
        let types: Vec<_> = service
            .methods
            .iter()
            .map(|method| MessageTypes::parse(&method.input_type, &method.output_type))
            .collect();
        let mut tokens = render::service(model, &types);
        if let Some(runtime) = &self.runtime {
            tokens = render::with_runtime(tokens, runtime);
        }
        code.push_str(&tokens.to_string());
    }
}
