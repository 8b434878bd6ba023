//! A folder of the real disk.

use std::path::{Path, PathBuf};
use std::{fs, io};

#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let failed = |error| told("make the folder", path, error);
        // Where one is missing, all below it are.
        let missing: Vec<_> = path.ancestors().take_while(|folder| !is_there(folder)).collect();
        fs::create_dir_all(path).map_err(failed)?;
        for folder in missing.iter().rev() {
            sync_folder(parent(folder)).map_err(failed)?;
        }
        Ok(Self(path.to_owned()))
    }

    pub(super) fn open_file(&self, name: &str) -> io::Result<fs::File> {
        let path = self.0.join(name);
        let mut options = fs::OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
        opened.map_err(|error| told("open", &path, error))
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let from = self.0.join(from);
        fs::rename(&from, self.0.join(to)).map_err(|error| told("rename", &from, error))
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.0.join(name);
        fs::remove_file(&path).map_err(|error| told("remove", &path, error))
    }

    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        self.files().map_err(|error| told("list", &self.0, error))
    }

    fn files(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        sync_folder(&self.0).map_err(|error| told("sync", &self.0, error))
    }
}

/// The empty path stands for the current folder.
fn is_there(folder: &Path) -> bool {
    folder.as_os_str().is_empty() || folder.exists()
}

fn parent(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// The file system's own journal has to do.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// What failed at a path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {path}: {source}", path = path.display())]
struct Failed {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn told(doing: &'static str, path: &Path, source: io::Error) -> io::Error {
    io::Error::new(source.kind(), Failed { doing, path: path.to_owned(), source })
}
