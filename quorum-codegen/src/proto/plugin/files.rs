use prost::{DecodeError, Message};
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage};
use prost_types::FileDescriptorProto;

use super::error::Refusal;
use super::messages::Request;
use crate::proto::position::Includes;
use crate::proto::{editions, syntax};

/// What the files of a request say, with the services of those that are to be generated.
pub(super) fn pool(request: &Request, includes: &Includes) -> Result<DescriptorPool, Refusal> {
    let (mut pool, mut problems) = (DescriptorPool::new(), Vec::new());
    for file in &request.files {
        let mut encoded = editions::read(&file.header, &file.encoded, includes, &mut problems)?;
        if !request.wants(&file.header.name) {
            encoded = without_services(&encoded)?;
        }
        if !problems.is_empty() {
            // Go on and find those of the other files, but believe nothing that is built on these.
            continue;
        }
        let added = pool.decode_file_descriptor_proto(&*encoded);
        added.map_err(|error| vec![syntax::in_descriptor(&error, includes)])?;
    }
    if problems.is_empty() { Ok(pool) } else { Err(problems.into()) }
}

/// What is generated elsewhere may say what is not supported here.
fn without_services(encoded: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let descriptor = FileDescriptorProto::default().descriptor();
    let mut file = DynamicMessage::decode(descriptor, encoded)?;
    file.clear_field_by_name("service");
    Ok(file.encode_to_vec())
}
