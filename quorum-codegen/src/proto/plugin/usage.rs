//! What the program says to people.

use super::error::PluginError;
use super::parameters::PARAMETERS;
use crate::proto::option_files;

/// The answer to arguments, which neither `protoc` nor `buf` gives.
pub(super) fn answer(arguments: &[String]) -> Result<String, PluginError> {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["--help" | "-h"] => Ok(help()),
        ["--version" | "-V"] => Ok(format!("{VERSION}\n{RUN_BY}\n")),
        ["--print", name] => option_files::source(name)
            .ok_or_else(|| PluginError::Argument(format!("--print {name}"))),
        _ => Err(PluginError::Argument(arguments.join(" "))),
    }
}

const VERSION: &str = concat!("protoc-gen-quorum ", env!("CARGO_PKG_VERSION"));
const RUN_BY: &str = "A plugin of protoc and buf, which run it: see --help.";

fn help() -> String {
    let parameters: Vec<_> = PARAMETERS
        .iter()
        .map(|parameter| format!("  {:42} {}", parameter.example, parameter.about))
        .collect();
    format!(
        "{VERSION}
Generates typed quorum calls for Rust from .proto files.

This program is run by protoc or buf, which write a request to its standard input and read the
generated files from its standard output. Neither knows where quorum.proto is, so write it beside
the files that import it first:

  protoc-gen-quorum --print quorum.proto > proto/quorum.proto

With protoc:

  protoc -I proto --quorum_out=src/generated proto/storage.proto

With buf, by a buf.gen.yaml of these lines and `buf generate`:

  version: v2
  inputs:
    - directory: proto
  plugins:
    - local: protoc-gen-quorum
      out: src/generated
      # Files of one package become one module, so they are generated together.
      strategy: all
      opt:
        - bytes=.storage

A package `storage` becomes src/generated/storage.rs, which a crate that depends on quorum-runtime
and prost includes:

  mod storage {{
      include!(\"generated/storage.rs\");
  }}

Parameters, by example; protoc takes them as --quorum_opt=bytes=.storage:

{}

Arguments:

  --help               says this
  --version            says the version
  --print FILE         writes quorum.proto or gorums.proto
",
        parameters.join("\n")
    )
}
