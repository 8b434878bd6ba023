//! The generator as a plugin of `protoc` and `buf`, for projects that generate code ahead of the
//! build. The program `protoc-gen-quorum` is this module and nothing more.
//!
//! What it generates equals what a build script generates from the same files.

mod error;
mod files;
mod messages;
mod parameters;
mod usage;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::panic;

use prost::Message;
use prost_build::Module;

use crate::proto::position::Includes;
use crate::proto::{generate, option_files};

use error::Refusal;
use messages::{File, Request, Response};

pub use error::PluginError;

/// Does what the arguments say. Without any, it reads a request and writes the answer.
///
/// # Errors
///
/// Says what is wrong with the arguments or the request, or why standard input or output failed.
pub fn run(
    arguments: &[String],
    mut stdin: impl Read,
    mut stdout: impl Write,
) -> Result<(), PluginError> {
    let output = if arguments.is_empty() {
        let mut request = Vec::new();
        stdin.read_to_end(&mut request).map_err(PluginError::Input)?;
        answer(&request)?
    } else {
        usage::answer(arguments)?.into_bytes()
    };
    stdout.write_all(&output).and_then(|()| stdout.flush()).map_err(PluginError::Output)
}

/// Answers an encoded `CodeGeneratorRequest` with an encoded `CodeGeneratorResponse`, in which what
/// is wrong with the `.proto` files is said as a build script says it.
///
/// # Errors
///
/// Says what is wrong with the request itself.
pub fn answer(request: &[u8]) -> Result<Vec<u8>, PluginError> {
    let request = Request::parse(request)?;
    // prost believes what `protoc` has checked, and panics where that does not hold.
    let generated = panic::catch_unwind(|| generate(&request));
    let response = match generated.map_err(|payload| PluginError::panicked(&*payload))? {
        Ok(files) => Response::of(files),
        Err(Refusal::Files(error)) => Response::refusal(error),
        Err(Refusal::Request(error)) => return Err(error),
    };
    Ok(response.encode_to_vec())
}

fn generate(request: &Request) -> Result<Vec<File>, Refusal> {
    // The files are called as the request calls them.
    let includes = Includes(Vec::new());
    let mut prost = prost_build::Config::new();
    parameters::apply(&request.parameter, &mut prost).map_err(Refusal::Files)?;
    let pool = files::pool(request, &includes)?;
    generate::prepare(&mut prost, &pool, &includes, None)?;
    let mut wanted = BTreeSet::new();
    // All files, because prost has to know the messages that those use which it generates.
    let mut all = Vec::new();
    for file in option_files::without(&pool) {
        let module = Module::from_protobuf_package_name(file.package());
        if request.wants(file.name()) {
            wanted.insert(module.clone());
        }
        all.push((module, file.clone()));
    }
    let modules = prost.generate(all).map_err(|error| Refusal::Files(error.to_string()))?;
    let wanted = modules.into_iter().filter(|(module, _)| wanted.contains(module));
    let mut files: Vec<_> = wanted.map(|(module, content)| File::of(&module, content)).collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}
