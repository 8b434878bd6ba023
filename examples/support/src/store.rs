//! A store: a database of redb in a folder of the host, which belongs to one node of one cluster.
//!
//! A store is made wholly or not at all. It carries whose it is, and is opened by nobody else. It is
//! verified when it is opened, all of it, and what is not what was written is an error, then and later.
//! Nothing is repaired but what a crash leaves: a commit that nobody was told of is taken back.
//!
//! What cannot be seen: that the whole file is an older copy of itself; that the disk has dropped a write
//! and the sync behind it; that the last commit before a power failure is damaged too (`header`).

use std::io;

use quorum_runtime::host::Disk;
use redb::backends::InMemoryBackend;
use redb::{Durability, ReadTransaction, ReadableDatabase as _, StorageBackend, WriteTransaction};

use crate::backend::Backend;
use crate::checked::{Checked, Damage, locked};
use crate::header::{self, damaged};
use crate::identity::{self, Identity};
use crate::rehearsal::{Release, rehearsal};

/// How many bytes of a file are held in memory.
const CACHE: usize = 16 << 20;

/// A database that is whole, and belongs to this node.
///
/// Its operations wait for the disk. After an error of the disk nobody knows what is stored: the
/// process is to end, and the next one finds out.
#[derive(Debug)]
pub struct Store(redb::Database);

/// Why the store in a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct StoreError {
    file: String,
    #[source]
    reason: Reason,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It has been made by another cluster.
    #[error(
        "it belongs to the cluster `{found}`, and this node to `{wanted}`: name another folder"
    )]
    Cluster {
        /// What stands in it.
        found: String,
        /// What was to stand in it.
        wanted: String,
    },
    /// It has been made by another node.
    #[error("it belongs to node {found}, and this is node {wanted}: name the folder of this node")]
    Node {
        /// What stands in it.
        found: String,
        /// What was to stand in it.
        wanted: String,
    },
    /// It has been made by another program, or by another version of this one.
    #[error(
        "it has the format `{found}`, and this program reads `{wanted}`: start the program that \
         wrote it, or name another folder"
    )]
    Format {
        /// What stands in it.
        found: String,
        /// What was to stand in it.
        wanted: String,
    },
    /// It was made by something else.
    #[error("it is no store of this program: name another folder, or move the file away")]
    NoStore,
    /// Its bytes are not what was written.
    #[error(
        "it is damaged: {0}; nothing in it was changed. Look after the disk, and take this node for \
         one that has lost its data"
    )]
    Damaged(#[source] redb::Error),
    /// The disk or the database has failed.
    #[error(transparent)]
    Failed(redb::Error),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        in_file("the folder", Reason::Failed(error.into()))
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        in_file("the store", Reason::Failed(error))
    }
}

impl StoreError {
    /// Why it cannot be used.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl Store {
    /// The store in a file, which must be there. Nobody else must have it open.
    ///
    /// # Errors
    ///
    /// If it belongs to another, is no store or damaged, or the disk fails.
    pub fn open(
        disk: &Disk,
        file: &str,
        format: &str,
        identity: &Identity,
    ) -> Result<Self, StoreError> {
        Self::opened(disk, file, format, identity).map_err(|reason| in_file(file, reason))
    }

    /// Makes a store in a file, with what `fill` writes in its first transaction. What was there before
    /// is gone. When this returns it is durable, but for its name: that is so after [`Disk::sync`].
    ///
    /// # Errors
    ///
    /// If the disk fails, and as `fill` does.
    pub fn create(
        disk: &Disk,
        file: &str,
        format: &str,
        identity: &Identity,
        fill: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<Self, StoreError> {
        let created = || {
            let opened = disk.open(file)?;
            opened.set_len(0)?;
            Self::on(Backend(opened), format, identity, fill)
        };
        created().map_err(|error| in_file(file, Reason::Failed(error)))
    }

    /// The store in a file, which is made where it is missing: wholly, or not at all.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(
        disk: &Disk,
        file: &str,
        format: &str,
        identity: &Identity,
        fill: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<Self, StoreError> {
        let failed = |error: io::Error| in_file(file, Reason::Failed(error.into()));
        if !disk.names().map_err(failed)?.iter().any(|name| name == file) {
            // A crash may leave this half made, and nobody opens it then.
            let unfinished = format!("{file}.new");
            Self::create(disk, &unfinished, format, identity, fill)?.close()?;
            disk.rename(&unfinished, file).map_err(failed)?;
            disk.sync().map_err(failed)?;
        }
        Self::open(disk, file, format, identity)
    }

    /// A store in an empty file of any kind.
    ///
    /// # Errors
    ///
    /// If it cannot be written, and as `fill` does.
    pub fn on(
        file: impl StorageBackend,
        format: &str,
        identity: &Identity,
        fill: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<Self, redb::Error> {
        let store = Self(builder().create_with_backend(Checked::new(file, 0))?);
        let transaction = store.begin_write()?;
        identity::write(&transaction, format, identity)?;
        fill(&transaction)?;
        transaction.commit()?;
        Ok(store)
    }

    /// An empty store that is gone when it is dropped.
    ///
    /// # Errors
    ///
    /// As `fill` does.
    pub fn in_memory(
        fill: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<Self, redb::Error> {
        Self::on(InMemoryBackend::new(), "", &Identity::new("", 0), fill)
    }

    /// Sees what has been committed, and nothing that is committed later.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    pub fn begin_read(&self) -> Result<ReadTransaction, redb::Error> {
        Ok(self.0.begin_read()?)
    }

    /// Changes the store when it is committed, and durably so. There is one at a time; others wait.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    pub fn begin_write(&self) -> Result<WriteTransaction, redb::Error> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        Ok(transaction)
    }

    /// Closes the store, and says what goes wrong with it.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    pub fn close(self) -> Result<(), StoreError> {
        self.0.close().map_err(|error| in_file("the store", redb_error(error)))
    }

    fn opened(disk: &Disk, file: &str, format: &str, identity: &Identity) -> Result<Self, Reason> {
        Self::reopened(existing(disk, file)?, format, identity)
    }

    /// The store that a file of any kind holds.
    pub(crate) fn reopened(
        file: impl StorageBackend,
        format: &str,
        identity: &Identity,
    ) -> Result<Self, Reason> {
        let (store, all_is_well) = Self::rehearsed(file)?;
        identity::check(&store.begin_read().map_err(redb_error)?, format, identity)?;
        all_is_well.release().map_err(redb_error)?;
        Ok(store)
    }

    /// The same, whosever it is. Nothing is changed in the file before the release.
    pub(crate) fn rehearsed<B: StorageBackend>(file: B) -> Result<(Self, Release<B>), Reason> {
        let mark = header::check(&file)?;
        let (rehearsal, release) = rehearsal(file).map_err(redb_error)?;
        let checked = Checked::new(rehearsal, mark);
        let header = checked.header();
        let store = Self(builder().create_with_backend(checked).map_err(redb_error)?);
        // redb has checked all pages, and committed once more behind the commit that it found.
        if locked(&header).last_commit() <= Some(mark) {
            return Err(damaged("its last commit does not verify"));
        }
        Ok((store, release))
    }
}

/// A file that is there.
pub(crate) fn existing(disk: &Disk, file: &str) -> Result<Backend, Reason> {
    let failed = |error: io::Error| Reason::Failed(error.into());
    if !disk.names().map_err(failed)?.iter().any(|name| name == file) {
        return Err(failed(io::ErrorKind::NotFound.into()));
    }
    Ok(Backend(disk.open(file).map_err(failed)?))
}

fn builder() -> redb::Builder {
    let mut builder = redb::Builder::new();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder
}

pub(crate) fn in_file(file: &str, reason: Reason) -> StoreError {
    StoreError { file: file.to_owned(), reason }
}

pub(crate) fn redb_error(error: impl Into<redb::Error>) -> Reason {
    match error.into() {
        // The version is that of a commit slot, which is read before its checksum.
        error @ (redb::Error::Corrupted(_) | redb::Error::UpgradeRequired(_)) => {
            Reason::Damaged(error)
        }
        // What is missing at the end of the file is damaged too.
        redb::Error::Io(error)
            if Damage::is_in(&error) || error.kind() == io::ErrorKind::UnexpectedEof =>
        {
            Reason::Damaged(error.into())
        }
        error => Reason::Failed(error),
    }
}

#[cfg(test)]
mod tests;
