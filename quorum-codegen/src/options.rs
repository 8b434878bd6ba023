use prost_reflect::{DescriptorPool, MethodDescriptor, Value};

use crate::model::CallType;

/// The package of the options.
pub(crate) const PACKAGE: &str = "quorum";
/// The file that declares them, as a `.proto` imports it.
pub(crate) const FILE: &str = "quorum.proto";
/// Its text.
pub(crate) const SOURCE: &str = include_str!("../proto/quorum.proto");

/// The call types that the options of an rpc set to true.
pub(crate) fn call_types(pool: &DescriptorPool, method: &MethodDescriptor) -> Vec<CallType> {
    CallType::ALL.into_iter().filter(|call_type| is_set(pool, method, call_type.option())).collect()
}

/// Read from the pool and not from `prost_types`, which drops options that it does not know.
fn is_set(pool: &DescriptorPool, method: &MethodDescriptor, option: &str) -> bool {
    let Some(extension) = pool.get_extension_by_name(&format!("{PACKAGE}.{option}")) else {
        // The file was not imported, so nothing can be set.
        return false;
    };
    let options = method.options();
    options.has_extension(&extension)
        && matches!(&*options.get_extension(&extension), Value::Bool(true))
}
