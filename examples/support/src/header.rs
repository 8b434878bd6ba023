//! The beginning of the file of a store: redb's header, to which we add a mark and a checksum.
//!
//! redb takes a last commit that does not verify for one that a crash has cut short, and goes on from the
//! one before: right after a crash, and silent loss after damage. The *mark* tells them apart. It is the
//! number of the last commit whose sync has ended, and is written before anybody hears of that; a store
//! from which that commit is missing is damaged. Nobody waits for the mark to be synced, which would
//! double the time of a commit, so the power must not fail and the last commit be damaged at the same
//! time: then it is missed only if the next commit, or the kernel, has brought the mark to the disk.
//!
//! redb has no checksum of its first 64 bytes, and does not use the last 32 of them. There is the mark, and
//! a checksum. All are in the first sector, which a disk writes wholly or not at all. Behind them are
//! redb's two commit slots, which have checksums of their own.

use std::ops::Range;

use redb::StorageBackend;

use crate::store::{Reason, redb_error};

const MAGIC: &[u8; 9] = b"redb\x1a\n\xa9\r\n";
/// Its lowest bit is the number of the slot of the last commit.
const FLAGS: usize = MAGIC.len();
/// No store is shorter.
const PAGE: u64 = 4096;
const LEN: usize = 64;
const UNUSED: Range<usize> = 32..LEN;
const MARK: Range<usize> = 32..40;
const SUM: Range<usize> = LEN - 4..LEN;
const SLOT: usize = 128;
/// The number of a commit, in its slot.
const NUMBER: usize = 104;

/// The header that was written last, and the commit that was synced last.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    written: Vec<u8>,
    mark: u64,
    is_synced: bool,
}

impl Header {
    pub(crate) const fn new(mark: u64) -> Self {
        Self { written: Vec::new(), mark, is_synced: true }
    }

    /// What is written at the beginning of the file, with what we add to it.
    pub(crate) fn write(&mut self, data: &[u8]) -> Vec<u8> {
        if data.len() < LEN {
            return data.to_vec();
        }
        self.written = data.to_vec();
        self.is_synced = false;
        self.sealed(data.len())
    }

    /// After a sync: what is to be written at the beginning of the file, if anything is new.
    pub(crate) fn synced(&mut self) -> Option<Vec<u8>> {
        if self.is_synced {
            return None;
        }
        self.is_synced = true;
        self.mark = self.last_commit()?;
        Some(self.sealed(LEN))
    }

    /// The number of the last commit, if a header was written.
    pub(crate) fn last_commit(&self) -> Option<u64> {
        let slot = LEN + usize::from(self.written.get(FLAGS)? & 1) * SLOT;
        let number = self.written.get(slot + NUMBER..)?.first_chunk()?;
        Some(u64::from_le_bytes(*number))
    }

    fn sealed(&self, len: usize) -> Vec<u8> {
        let mut sealed = self.written[..len].to_vec();
        sealed[MARK].copy_from_slice(&self.mark.to_le_bytes());
        let sum = sum(&sealed);
        sealed[SUM].copy_from_slice(&sum);
        sealed
    }
}

/// Whether what was read is what was written, as far as this tells.
pub(crate) fn is_whole(data: &[u8]) -> bool {
    data.len() < LEN || data[SUM] == sum(data)
}

/// Looks at a file before redb does, who makes a new store of an empty one. Gives the mark.
pub(crate) fn check(file: &impl StorageBackend) -> Result<u64, Reason> {
    let len = file.len().map_err(redb_error)?;
    let mut header = [0; LEN];
    let there = usize::try_from(len).unwrap_or(LEN).min(LEN);
    file.read(0, &mut header[..there]).map_err(redb_error)?;
    if !header.starts_with(MAGIC) {
        return Err(Reason::NoStore);
    }
    if len < PAGE {
        return Err(damaged(format!("it ends after {len} bytes")));
    }
    if header[UNUSED].iter().all(|byte| *byte == 0) {
        return Err(Reason::NoStore);
    }
    if !is_whole(&header) {
        return Err(damaged("its first 64 bytes are not what was written there"));
    }
    Ok(header[MARK].first_chunk().map_or(0, |mark| u64::from_le_bytes(*mark)))
}

fn sum(header: &[u8]) -> [u8; 4] {
    crc32fast::hash(&header[..SUM.start]).to_le_bytes()
}

pub(crate) fn damaged(how: impl Into<String>) -> Reason {
    Reason::Damaged(redb::Error::Corrupted(how.into()))
}
