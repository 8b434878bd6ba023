//! A folder belongs to one process at a time.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use anyhow::{Context as _, bail};

/// Holds the folder until it is dropped, or the process ends in any way.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "closing it gives the folder up")] File);

/// Makes a folder where it is missing, and takes it for this process.
pub(crate) fn lock(folder: &Path) -> anyhow::Result<Lock> {
    let shown = folder.display();
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {shown}"))?;
    let file = File::create(folder.join("lock"));
    let file = file.with_context(|| format!("cannot make a file in {shown}"))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => {
            bail!("another process has its data in {shown}: name another folder")
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock the folder {shown}"))
        }
    }
}
