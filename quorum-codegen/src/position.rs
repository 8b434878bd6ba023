use std::path::PathBuf;

use prost_reflect::FileDescriptor;
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
        let name = self.path(file.name());
        match location(file, path).map(|location| location.span.as_slice()) {
            Some([line, column, ..]) => format!("{name}:{}:{}", line + 1, column + 1),
            _ => name,
        }
    }
}

/// The lines of the comment in front of the element at `path`.
pub(crate) fn comment(file: &FileDescriptor, path: &[i32]) -> Vec<String> {
    let text = location(file, path).and_then(|location| location.leading_comments.as_ref());
    text.map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
}

fn location<'a>(file: &'a FileDescriptor, path: &[i32]) -> Option<&'a Location> {
    let info = file.file_descriptor_proto().source_code_info.as_ref()?;
    info.location.iter().find(|location| location.path == path)
}
