use prost_reflect::{DescriptorPool, MethodDescriptor, Value};
use prost_types::method_options::IdempotencyLevel;

use crate::model::{CallType, Replies};
use crate::proto::option_files::OptionFile;
use crate::rules::Declared;

/// The package of our own options.
pub(crate) const PACKAGE: &str = "quorum";

/// The names of all options that the generator knows.
pub(crate) const ALL: [&str; 9] = [
    "rpc",
    "unicast",
    "multicast",
    "quorumcall",
    "correctable",
    "per_node_arg",
    "custom_return_type",
    "ordered",
    "queue",
];

/// What an rpc declares by its options and by its types.
pub(crate) fn declared(pool: &DescriptorPool, method: &MethodDescriptor) -> Declared {
    let value = |option| value(pool, method, option).map(|(value, _)| value);
    let is_true = |option| value(option) == Some(Value::Bool(true));
    let custom_return_type = value("custom_return_type");
    Declared {
        call_types: call_types(pool, method),
        per_node_arg: is_true("per_node_arg"),
        custom_return_type: custom_return_type.and_then(|name| name.as_str().map(str::to_owned)),
        ordered: value("ordered").and_then(|value| value.as_bool()),
        latest: value("queue") == Some(Value::EnumNumber(1)),
        idempotent: is_idempotent(method),
        streams_request: method.is_client_streaming(),
        streams_reply: method.is_server_streaming(),
    }
}

/// The call types that are set to true.
fn call_types(pool: &DescriptorPool, method: &MethodDescriptor) -> Vec<CallType> {
    let meant = |call_type: CallType| match value(pool, method, call_type.option())? {
        // Gorums writes a correctable as a quorum call whose reply streams.
        (Value::Bool(true), "gorums")
            if call_type == CallType::QuorumCall && method.is_server_streaming() =>
        {
            Some(CallType::Correctable(Replies::Stream))
        }
        (Value::Bool(true), _) => Some(call_type),
        _ => None,
    };
    CallType::ALL.into_iter().filter_map(meant).collect()
}

/// What an option of this name is set to, and in which package: that of whichever file was imported.
///
/// Read from the pool and not from `prost_types`, which drops options that it does not know.
fn value(
    pool: &DescriptorPool,
    method: &MethodDescriptor,
    option: &str,
) -> Option<(Value, &'static str)> {
    let options = method.options();
    // A file that declares the option may not be imported, so that nothing can be set.
    OptionFile::all().find_map(|file| {
        let extension = pool.get_extension_by_name(&format!("{}.{option}", file.package))?;
        let is_set = options.has_extension(&extension);
        is_set.then(|| (options.get_extension(&extension).into_owned(), file.package))
    })
}

fn is_idempotent(method: &MethodDescriptor) -> bool {
    let options = method.method_descriptor_proto().options.as_ref();
    options
        .is_some_and(|options| options.idempotency_level() != IdempotencyLevel::IdempotencyUnknown)
}
