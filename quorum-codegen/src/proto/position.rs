use std::path::PathBuf;

use prost_reflect::FileDescriptor;
use prost_types::FileDescriptorProto;
use prost_types::source_code_info::Location;

/// Where files were looked for, so that a place can be shown as a path that an editor opens.
#[derive(Debug)]
pub(crate) struct Includes(pub(crate) Vec<PathBuf>);

impl Includes {
    /// The path of a file that was imported under `name`.
    pub(crate) fn path(&self, name: &str) -> String {
        let found = self.0.iter().map(|folder| folder.join(name)).find(|path| path.exists());
        found.map_or_else(|| name.to_owned(), |path| path.display().to_string())
    }

    /// `file:line:column` of the element at `path` in the descriptor of a file.
    pub(crate) fn place(&self, file: &FileDescriptor, path: &[i32]) -> String {
        self.place_of(file.name(), location(file.file_descriptor_proto(), path))
    }

    /// `file:line:column` of a location in the file that was imported under `name`.
    pub(crate) fn place_of(&self, name: &str, location: Option<&Location>) -> String {
        let name = self.path(name);
        match location.map(|location| location.span.as_slice()) {
            Some([line, column, ..]) => format!("{name}:{}:{}", line + 1, column + 1),
            _ => name,
        }
    }
}

/// Where the innermost element around `path` is whose place is known.
pub(crate) fn nearest<'a>(file: &'a FileDescriptorProto, path: &[i32]) -> Option<&'a Location> {
    (0..=path.len()).rev().find_map(|length| location(file, &path[..length]))
}

/// The lines of the comment in front of the element at `path`.
pub(crate) fn comment(file: &FileDescriptor, path: &[i32]) -> Vec<String> {
    let location = location(file.file_descriptor_proto(), path);
    let text = location.and_then(|location| location.leading_comments.as_ref());
    text.map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
}

fn location<'a>(file: &'a FileDescriptorProto, path: &[i32]) -> Option<&'a Location> {
    let info = file.source_code_info.as_ref()?;
    info.location.iter().find(|location| location.path == path)
}
