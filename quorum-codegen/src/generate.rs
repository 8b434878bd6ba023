//! What every front end does once it has read the descriptors: lower, check, and set prost up to
//! render.

use std::collections::BTreeMap;

use prost_reflect::DescriptorPool;

use crate::error::Problem;
use crate::model::Service;
use crate::position::Includes;
use crate::render::{self, MessageTypes};
use crate::{check, lower, unsupported};

/// Sets prost up to generate the services of a pool beside its messages.
pub(crate) fn prepare(
    prost: &mut prost_build::Config,
    pool: &DescriptorPool,
    includes: &Includes,
) -> Result<(), Vec<Problem>> {
    let unsupported = unsupported::check(pool, includes);
    if !unsupported.is_empty() {
        return Err(unsupported);
    }
    let services = lower::lower(pool, includes)?;
    let clashes = check::check(&services, pool, includes);
    if !clashes.is_empty() {
        return Err(clashes);
    }
    prost.type_attribute(".", render::allow_lints().to_string());
    let services = services.into_iter().map(|service| (service.full_name(), service)).collect();
    prost.service_generator(Box::new(Services(services)));
    Ok(())
}

/// The services by their full names. prost asks for each, and knows the Rust types of its messages.
struct Services(BTreeMap<String, Service>);

impl prost_build::ServiceGenerator for Services {
    fn generate(&mut self, service: prost_build::Service, code: &mut String) {
        let full_name = match service.package.as_str() {
            "" => service.proto_name.clone(),
            package => format!("{package}.{}", service.proto_name),
        };
        let Some(model) = self.0.get(&full_name) else {
            return;
        };
        let types: Vec<_> = service
            .methods
            .iter()
            .map(|method| MessageTypes::parse(&method.input_type, &method.output_type))
            .collect();
        code.push_str(&render::service(model, &types).to_string());
    }
}
