use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorSet;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use crate::error::Error;
use crate::proto::editions::{Editions, EditionsResolver};
use crate::proto::option_files;
use crate::proto::position::Includes;
use crate::proto::syntax;

/// What the `.proto` files say.
pub(crate) struct Parsed {
    /// With the values of custom options, which the descriptors below have lost.
    pub(crate) pool: DescriptorPool,
    /// The files to generate messages for. Of those that come with prost it generates none, but has
    /// to know them.
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
    let editions = Editions::default();
    let mut compiler = Compiler::with_file_resolver(resolver(&includes, &editions));
    compiler.include_imports(true).include_source_info(true);
    for proto in protos {
        let opened = compiler.open_file(proto.as_ref());
        let mut problems = editions.take_problems();
        if let Err(error) = opened {
            problems.extend(syntax::problems(&error, proto.as_ref(), &includes));
        }
        if !problems.is_empty() {
            return Err(Error::Proto(problems));
        }
    }
    let pool = editions.lower(compiler.descriptor_pool(), &includes).map_err(Error::Proto)?;
    let set = FileDescriptorSet { file: option_files::without(&pool).cloned().collect() };
    let mut paths = editions.paths();
    paths.extend(compiler.files().filter_map(|file| file.path().map(Path::to_owned)));
    Ok(Parsed { pool, set, paths, includes })
}

/// Finds imported files in the folders, and else among those that come with the generator.
fn resolver(includes: &Includes, editions: &Editions) -> ChainFileResolver {
    let mut resolver = ChainFileResolver::new();
    for folder in &includes.0 {
        resolver.add(EditionsResolver::new(folder, editions));
    }
    resolver.add(OptionsResolver);
    resolver.add(GoogleFileResolver::new());
    resolver
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_every_syntax_are_watched_for_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let imports = "import \"edition.proto\"; import \"quorum.proto\";";
        std::fs::write(path("main.proto"), format!("syntax = \"proto3\"; {imports}")).unwrap();
        std::fs::write(path("edition.proto"), "edition = \"2023\";").unwrap();
        let mut paths = parse(&[path("main.proto")], &[folder.path()]).unwrap().paths;
        paths.sort();
        assert_eq!(paths, [path("edition.proto"), path("main.proto")]);
    }
}
