use prost::{DecodeError, Message};
use prost_types::FileDescriptorProto;

use super::{descriptor, source};
use crate::error::Problem;
use crate::proto::position::{Includes, nearest};

/// The fields of a `FileDescriptorProto` that say how the rest is to be read. `prost_types` knows
/// two of them only.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Header {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "12")]
    syntax: String,
    #[prost(int32, tag = "14")]
    edition: i32,
    #[prost(string, repeated, tag = "15")]
    option_dependency: Vec<String>,
}

/// The numbers of the editions 2023 and 2024.
const EDITIONS: [i32; 2] = [1000, 1001];

// Numbers of fields, as paths in a descriptor have them.
const EDITION: i32 = 14;
const OPTION_DEPENDENCY: i32 = 15;

/// The encoded descriptor that begins with a header, made proto3 if it is of an edition. What can't
/// be is added to `problems`.
pub(crate) fn read(
    header: &Header,
    encoded: &[u8],
    includes: &Includes,
    problems: &mut Vec<Problem>,
) -> Result<Vec<u8>, DecodeError> {
    let refusals: Vec<_> = header.refusals().collect();
    if refusals.is_empty() && header.syntax == "editions" {
        return descriptor::to_proto3(encoded, includes, problems);
    }
    let file = FileDescriptorProto::decode(encoded)?;
    problems.extend(refusals.into_iter().map(|(path, message, help)| Problem {
        place: includes.place_of(&header.name, nearest(&file, &path)),
        message,
        help: Some(help.to_owned()),
    }));
    Ok(encoded.to_owned())
}

impl Header {
    /// What is not supported: the path in the descriptor, the message and the mend.
    fn refusals(&self) -> impl Iterator<Item = (Vec<i32>, String, &'static str)> {
        let syntax = match &*self.syntax {
            "" | "proto2" | "proto3" => None,
            "editions" if EDITIONS.contains(&self.edition) => None,
            "editions" => Some("this edition is not supported".to_owned()),
            other => Some(format!("syntax `{other}` is not supported")),
        };
        let syntax = syntax.map(|message| (vec![EDITION], message, source::EDITION_HELP));
        let imports = (0..).zip(&self.option_dependency).map(|(index, _)| {
            (vec![OPTION_DEPENDENCY, index], source::IMPORT.to_owned(), source::IMPORT_HELP)
        });
        imports.chain(syntax)
    }
}
