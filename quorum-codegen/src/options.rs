use prost_reflect::{DescriptorPool, MethodDescriptor, Value};

use crate::model::CallType;
use crate::option_files::OptionFile;

/// The package of our own options.
pub(crate) const PACKAGE: &str = "quorum";

/// The names of all options that the generator knows.
pub(crate) const ALL: [&str; 4] = ["rpc", "unicast", "multicast", "quorumcall"];

/// The call types that the options of an rpc set to true.
pub(crate) fn call_types(pool: &DescriptorPool, method: &MethodDescriptor) -> Vec<CallType> {
    let is_true = |option| value(pool, method, option) == Some(Value::Bool(true));
    CallType::ALL.into_iter().filter(|call_type| is_true(call_type.option())).collect()
}

/// What an option of this name is set to, in the package of whichever file was imported.
///
/// Read from the pool and not from `prost_types`, which drops options that it does not know.
fn value(pool: &DescriptorPool, method: &MethodDescriptor, option: &str) -> Option<Value> {
    let options = method.options();
    // A file that declares the option may not be imported, so that nothing can be set.
    let extension = OptionFile::all()
        .filter_map(|file| pool.get_extension_by_name(&format!("{}.{option}", file.package)))
        .find(|extension| options.has_extension(extension))?;
    Some(options.get_extension(&extension).into_owned())
}
