use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorSet;
use protox::Compiler;
use protox::file::{
    ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver,
};

use crate::error::Error;
use crate::option_files;
use crate::position::Includes;
use crate::syntax;

/// What the `.proto` files say.
pub(crate) struct Parsed {
    /// With the values of custom options, which the descriptors below have lost.
    pub(crate) pool: DescriptorPool,
    /// The files to generate messages for: all but those that come with the generator and with
    /// prost.
    pub(crate) set: FileDescriptorSet,
    /// The files on disk that were read.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) includes: Includes,
}

/// Reads the files and all that they import.
pub(crate) fn parse(
    protos: &[impl AsRef<Path>],
    includes: &[impl AsRef<Path>],
) -> Result<Parsed, Error> {
    let includes = Includes(includes.iter().map(|folder| folder.as_ref().to_owned()).collect());
    let mut resolver = ChainFileResolver::new();
    for folder in &includes.0 {
        resolver.add(IncludeFileResolver::new(folder.clone()));
    }
    resolver.add(OptionsResolver);
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    for proto in protos {
        let opened = compiler.open_file(proto.as_ref());
        opened
            .map_err(|error| Error::Proto(syntax::problems(&error, proto.as_ref(), &includes)))?;
    }
    let mut set = compiler.file_descriptor_set();
    set.file.retain(|file| !is_built_in(file.name()));
    let paths = compiler.files().filter_map(|file| file.path().map(Path::to_owned)).collect();
    Ok(Parsed { pool: compiler.descriptor_pool(), set, paths, includes })
}

/// Finds the files that come with the generator.
#[derive(Debug)]
struct OptionsResolver;

impl FileResolver for OptionsResolver {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match option_files::source(name) {
            Some(source) => File::from_source(name, &source),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

fn is_built_in(name: &str) -> bool {
    option_files::source(name).is_some() || name.starts_with("google/protobuf/")
}
