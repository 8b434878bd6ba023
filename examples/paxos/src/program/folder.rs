//! Where the data of a run is: in a folder that was named, or in one that is gone in the end.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

#[derive(Debug)]
pub(crate) enum Folder {
    Named(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    pub(crate) fn new(named: Option<PathBuf>) -> Result<Self> {
        if let Some(named) = named {
            return Ok(Self::Named(named));
        }
        let temporary = tempfile::Builder::new().prefix("paxos-").tempdir();
        let temporary =
            temporary.context("cannot make a folder for the nodes: name one with --data")?;
        Ok(Self::Temporary(temporary))
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// Leaves the data where it is, for whoever looks for what went wrong.
    pub(crate) fn keep(self) -> PathBuf {
        match self {
            Self::Named(path) => path,
            Self::Temporary(folder) => folder.keep(),
        }
    }
}
