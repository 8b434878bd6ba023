//! What `protoc` and `buf` say to a plugin, made without them.

use std::fs;
use std::path::Path;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct CodeGeneratorRequest {
    #[prost(string, repeated, tag = "1")]
    file_to_generate: Vec<String>,
    #[prost(string, tag = "2")]
    parameter: String,
    #[prost(bytes = "vec", repeated, tag = "15")]
    proto_file: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CodeGeneratorResponse {
    #[prost(string, optional, tag = "1")]
    pub(crate) error: Option<String>,
    #[prost(uint64, tag = "2")]
    pub(crate) supported_features: u64,
    #[prost(int32, tag = "3")]
    pub(crate) minimum_edition: i32,
    #[prost(int32, tag = "4")]
    pub(crate) maximum_edition: i32,
    #[prost(message, repeated, tag = "15")]
    pub(crate) files: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct File {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "15")]
    pub(crate) content: String,
}

#[derive(Clone, PartialEq, Message)]
struct FileDescriptorSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// The fields of a `FileDescriptorProto` that a newer compiler sets.
#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(string, tag = "12")]
    syntax: String,
    #[prost(int32, tag = "14")]
    edition: i32,
    #[prost(string, repeated, tag = "15")]
    option_dependency: Vec<String>,
}

#[derive(Clone, Copy)]
pub(crate) enum Edition {
    E2023 = 1000,
    E2024 = 1001,
}

/// A request under construction.
pub(crate) struct Encoded {
    pub(crate) wanted: Vec<String>,
    parameter: String,
    files: Vec<Vec<u8>>,
}

impl Encoded {
    pub(crate) fn of_edition(self, edition: i32) -> Self {
        self.with(Header { syntax: "editions".to_owned(), edition, ..Header::default() })
    }

    pub(crate) fn of_syntax(self, syntax: &str) -> Self {
        self.with(Header { syntax: syntax.to_owned(), ..Header::default() })
    }

    pub(crate) fn with_option_import(self, name: &str) -> Self {
        self.with(Header { option_dependency: vec![name.to_owned()], ..Header::default() })
    }

    /// What comes later in an encoded message overrides what came before.
    fn with(mut self, header: Header) -> Self {
        let last = self.files.last_mut().expect("the wanted file comes last");
        last.extend(header.encode_to_vec());
        self
    }

    pub(crate) fn request(&self) -> Vec<u8> {
        let request = CodeGeneratorRequest {
            file_to_generate: self.wanted.clone(),
            parameter: self.parameter.clone(),
            proto_file: self.files.clone(),
        };
        request.encode_to_vec()
    }
}

/// A request for a file in a folder.
pub(crate) fn request_for(folder: &Path, name: &str) -> Vec<u8> {
    encoded(folder, name).request()
}

/// A request for the first of these files, which are pairs of a name and a text.
pub(crate) fn request(files: &[(&str, &str)], parameter: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let encoded = encoded(folder.path(), files[0].0);
    Encoded { parameter: parameter.to_owned(), ..encoded }.request()
}

/// A request for a file with this text.
pub(crate) fn encoded_file(name: &str, text: &str) -> Encoded {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    encoded(folder.path(), name)
}

fn encoded(folder: &Path, name: &str) -> Encoded {
    let options = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../proto"));
    let mut compiler = protox::Compiler::new([folder, options]).unwrap();
    compiler.include_imports(true).include_source_info(true).open_file(name).unwrap();
    let set = FileDescriptorSet::decode(&*compiler.encode_file_descriptor_set()).unwrap();
    Encoded { wanted: vec![name.to_owned()], parameter: String::new(), files: set.file }
}
