//! A folder belongs to one process at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Holds a folder until it is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing it gives the folder up")] File);

/// Why a folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Two processes would write over each other.
    #[error("another process has its data in {}: name another folder", .0.display())]
    Taken(PathBuf),
    /// It is not there, and cannot be made.
    #[error("cannot make the folder {}: {source}", .folder.display())]
    Make {
        /// Which folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It cannot be written to, or not locked.
    #[error("cannot lock the folder {}: {source}", .folder.display())]
    Lock {
        /// Which folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Makes a folder where it is missing, and takes it for this process.
///
/// # Errors
///
/// If another process has it, or the file system refuses.
pub fn lock(folder: &Path) -> Result<Lock, LockError> {
    let path = || folder.to_owned();
    fs::create_dir_all(folder).map_err(|source| LockError::Make { folder: path(), source })?;
    let cannot_lock = |source| LockError::Lock { folder: path(), source };
    let file = File::create(folder.join("lock")).map_err(cannot_lock)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(LockError::Taken(path())),
        Err(TryLockError::Error(source)) => Err(cannot_lock(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_had_by_one_and_then_by_the_next() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("a/b");
        let first = lock(&folder).unwrap();
        let refused = lock(&folder).unwrap_err().to_string();
        let said = format!("another process has its data in {}", folder.display());
        assert_eq!(refused, format!("{said}: name another folder"));
        drop(first);
        lock(&folder).unwrap();
    }
}
