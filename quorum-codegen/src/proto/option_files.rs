//! The files that declare the options of an rpc. They come with the generator, so that projects
//! need no copy of them.

use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorProto;

use crate::proto::options;

/// A file that declares the options. Both give the same numbers to the same options, so a `.proto`
/// imports one of them.
#[derive(Debug)]
pub(crate) struct OptionFile {
    pub(crate) package: &'static str,
    /// As a `.proto` imports it.
    pub(crate) name: &'static str,
    /// Other names under which it is imported.
    aliases: &'static [&'static str],
    source: &'static str,
}

static FILES: [OptionFile; 2] = [
    OptionFile {
        package: options::PACKAGE,
        name: "quorum.proto",
        aliases: &[],
        source: include_str!("../../proto/quorum.proto"),
    },
    OptionFile {
        package: "gorums",
        name: "gorums.proto",
        aliases: &["github.com/relab/gorums/gorums.proto"],
        source: include_str!("../../proto/gorums.proto"),
    },
];

/// Options that are accepted and change nothing: every call is asynchronous.
const MEANINGLESS: [&str; 1] = ["async"];

/// Whether the generator knows what an option of this name means.
pub(crate) fn is_known(option: &str) -> bool {
    options::ALL.contains(&option) || MEANINGLESS.contains(&option)
}

impl OptionFile {
    /// All of them, our own first.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        FILES.iter()
    }

    /// The one whose options are in this package.
    pub(crate) fn of_package(package: &str) -> Option<&'static Self> {
        Self::all().find(|file| file.package == package)
    }

    /// The names of the options that the generator knows, as a help for those who use another.
    pub(crate) fn help(&self) -> String {
        let declared = self.source.lines().filter_map(|line| {
            line.trim_start().strip_prefix("optional ")?.split_whitespace().nth(1)
        });
        let known: Vec<_> = declared
            .filter(|option| is_known(option))
            .map(|option| format!("({}.{option})", self.package))
            .collect();
        format!("the options are {}", known.join(", "))
    }

    /// Whether a `.proto` with this text imports the file.
    pub(crate) fn is_imported_by(&self, text: &str) -> bool {
        self.names().any(|name| text.contains(&format!("\"{name}\"")))
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// The text of the file that is imported under this name, if it is one of these.
pub(crate) fn source(name: &str) -> Option<String> {
    let file = OptionFile::all().find(|file| file.names().any(|known| known == name))?;
    if file.name == name {
        return Some(file.source.to_owned());
    }
    // Options that are declared again under another file name would clash with themselves.
    Some(format!("syntax = \"proto3\"; import public \"{}\";", file.name))
}

/// The descriptors of all other files, for which messages are generated.
pub(crate) fn without(pool: &DescriptorPool) -> impl Iterator<Item = &FileDescriptorProto> {
    pool.file_descriptor_protos().filter(|file| source(file.name()).is_none())
}
