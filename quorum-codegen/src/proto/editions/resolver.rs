use std::fs;
use std::path::{Path, PathBuf};

use protox::file::{File, FileResolver, IncludeFileResolver};

use super::Editions;
use super::source::{self, Refusal};
use crate::error::Problem;

/// Finds files in a folder, and reads those that are written in an edition as proto3.
#[derive(Debug)]
pub(crate) struct EditionsResolver {
    folder: PathBuf,
    files: IncludeFileResolver,
    editions: Editions,
}

impl EditionsResolver {
    /// Tells `editions` of each file of an edition.
    pub(crate) fn new(folder: &Path, editions: &Editions) -> Self {
        Self {
            folder: folder.to_owned(),
            files: IncludeFileResolver::new(folder.to_owned()),
            editions: editions.clone(),
        }
    }
}

impl FileResolver for EditionsResolver {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        let name = self.files.resolve_path(path)?;
        self.editions.asked_for(&name, path);
        Some(name)
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        // Dropped by all who use it, and written with options that the front end does not know.
        if name.starts_with("google/protobuf/") && name.ends_with("_features.proto") {
            return File::from_source(name, "syntax = \"proto3\";");
        }
        let path = self.folder.join(name);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let Some(proto3) = source::to_proto3(&text) else {
            // Of another syntax, or not to be read: that is for the front end to say.
            return self.files.open_file(name);
        };
        let problems = proto3.refusals.into_iter().map(|refusal| problem(refusal, &path, &text));
        self.editions.opened(name, path.clone(), problems);
        File::from_source(name, &proto3.text)
    }
}

fn problem(refusal: Refusal, path: &Path, text: &str) -> Problem {
    let Refusal { offset, message, help } = refusal;
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
    Problem { place: format!("{}:{line}:{column}", path.display()), message, help: Some(help) }
}
