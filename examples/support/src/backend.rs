//! What is below a database: a file of the host, or one in memory that fails on demand.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use quorum_runtime::host::File;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

/// A file of the host as redb wants it.
///
/// Whoever opens a folder has locked it, so that the ranges which redb would lock need no locks.
#[derive(Debug)]
pub struct Backend(pub File);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(data, offset)
    }
}

/// For tests: a file in memory that counts its syncs, and fails on demand. Clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct WatchedFile(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    file: InMemoryBackend,
    syncs: AtomicU64,
    fails: AtomicBool,
}

impl WatchedFile {
    /// From now on it can only be read.
    pub fn fail(&self) {
        self.0.fails.store(true, Ordering::Relaxed);
    }

    /// How often it was synced.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.0.syncs.load(Ordering::Relaxed)
    }

    fn changed(&self) -> io::Result<&InMemoryBackend> {
        if self.0.fails.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk of this test fails"));
        }
        Ok(&self.0.file)
    }
}

impl StorageBackend for WatchedFile {
    fn len(&self) -> io::Result<u64> {
        self.0.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.changed()?.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.syncs.fetch_add(1, Ordering::Relaxed);
        self.changed()?.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.changed()?.write(offset, data)
    }
}
