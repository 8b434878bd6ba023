//! A file of the host as redb wants it.

use std::io;

use quorum_runtime::host::File;

/// Whoever opens a folder has locked it, so that the ranges which redb would lock need no locks.
#[derive(Debug)]
pub(crate) struct Backend(pub(crate) File);

impl redb::StorageBackend for Backend {
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
