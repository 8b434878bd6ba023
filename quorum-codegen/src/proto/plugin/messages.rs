//! The parts of `google/protobuf/compiler/plugin.proto` that are spoken here. Those of `prost_types`
//! know no editions, and drop the custom options of the files.

use std::collections::BTreeSet;

use prost::Message;
use prost_build::Module;

use super::error::PluginError;
use crate::proto::editions::Header;

/// A request that was found to make sense.
pub(super) struct Request {
    wanted: BTreeSet<String>,
    pub(super) parameter: String,
    pub(super) files: Vec<RequestFile>,
}

pub(super) struct RequestFile {
    pub(super) header: Header,
    /// A `FileDescriptorProto`.
    pub(super) encoded: Vec<u8>,
}

impl Request {
    pub(super) fn parse(encoded: &[u8]) -> Result<Self, PluginError> {
        let request = CodeGeneratorRequest::decode(encoded)?;
        let files = request
            .proto_file
            .into_iter()
            .map(|encoded| Ok(RequestFile { header: Header::decode(&*encoded)?, encoded }));
        let files: Vec<_> = files.collect::<Result<_, PluginError>>()?;
        let wanted: BTreeSet<_> = request.file_to_generate.into_iter().collect();
        if wanted.is_empty() {
            return Err(PluginError::NothingToGenerate);
        }
        let held: BTreeSet<_> = files.iter().map(|file| &*file.header.name).collect();
        if let Some(missing) = wanted.iter().find(|name| !held.contains(&***name)) {
            return Err(PluginError::MissingFile(missing.clone()));
        }
        Ok(Self { wanted, parameter: request.parameter, files })
    }

    /// Whether the file of this name is to be generated.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.wanted.contains(name)
    }
}

#[derive(Clone, PartialEq, Message)]
struct CodeGeneratorRequest {
    #[prost(string, repeated, tag = "1")]
    file_to_generate: Vec<String>,
    #[prost(string, tag = "2")]
    parameter: String,
    #[prost(bytes = "vec", repeated, tag = "15")]
    proto_file: Vec<Vec<u8>>,
}

/// A `CodeGeneratorResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Response {
    #[prost(string, optional, tag = "1")]
    error: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    supported_features: Option<u64>,
    #[prost(int32, optional, tag = "3")]
    minimum_edition: Option<i32>,
    #[prost(int32, optional, tag = "4")]
    maximum_edition: Option<i32>,
    #[prost(message, repeated, tag = "15")]
    files: Vec<File>,
}

/// A generated file.
#[derive(Clone, PartialEq, Message)]
pub(super) struct File {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "15")]
    content: String,
}

/// `FEATURE_PROTO3_OPTIONAL` and `FEATURE_SUPPORTS_EDITIONS`.
const SUPPORTED_FEATURES: u64 = 1 | 2;
/// `EDITION_PROTO2`, which counts as one.
const EDITION_MIN: i32 = 998;
const EDITION_MAX: i32 = 1001;

impl Response {
    pub(super) fn of(files: Vec<File>) -> Self {
        Self { files, ..Self::without_files(None) }
    }

    pub(super) fn refusal(error: String) -> Self {
        Self::without_files(Some(error))
    }

    const fn without_files(error: Option<String>) -> Self {
        Self {
            error,
            supported_features: Some(SUPPORTED_FEATURES),
            minimum_edition: Some(EDITION_MIN),
            maximum_edition: Some(EDITION_MAX),
            files: Vec::new(),
        }
    }
}

impl File {
    /// Under the name that a build script gives it.
    pub(super) fn of(module: &Module, content: String) -> Self {
        Self { name: module.to_file_name_or("_"), content }
    }
}
