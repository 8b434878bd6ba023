//! Below a database: what is read is what was written, or an error.
//!
//! redb verifies its pages when it opens a file and is asked to, and not when it reads one again later. So
//! of each block that was read or written the checksum is held in memory, 8 bytes for 4 KiB, and the block
//! that is read again must have it. The [`header`] has a checksum in the file itself.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use crate::header::{self, Header};

/// What is checked at once: a page of redb, or a part of a larger one.
const BLOCK: usize = 4096;

/// A file in which nothing changes unseen while it is open.
#[derive(Debug)]
pub(crate) struct Checked<B> {
    file: B,
    header: Arc<Mutex<Header>>,
    /// Of the blocks that have been read or written whole.
    sums: Mutex<Vec<Option<u32>>>,
}

/// What an [`io::Error`] of such a file is about when the file is to blame.
#[derive(Debug)]
pub(crate) struct Damage {
    offset: u64,
}

impl<B: StorageBackend> Checked<B> {
    /// A file with this mark.
    pub(crate) fn new(file: B, mark: u64) -> Self {
        let header = Arc::new(Mutex::new(Header::new(mark)));
        Self { file, header, sums: Mutex::new(Vec::new()) }
    }

    /// The header, also after the file was given to a database.
    pub(crate) fn header(&self) -> Arc<Mutex<Header>> {
        Arc::clone(&self.header)
    }

    /// Remembers what was written. A block that was written in part is as good as unknown.
    fn written(&self, offset: u64, data: &[u8]) {
        let mut sums = locked(&self.sums);
        let end = index(offset + data.len() as u64 + BLOCK as u64 - 1);
        if sums.len() < end {
            sums.resize(end, None);
        }
        sums[index(offset)..end].fill(None);
        for (block, bytes) in whole_blocks(offset, data) {
            sums[block] = Some(crc32fast::hash(bytes));
        }
    }

    fn verify(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut sums = locked(&self.sums);
        for (block, bytes) in whole_blocks(offset, data) {
            if sums.len() <= block {
                sums.resize(block + 1, None);
            }
            let sum = crc32fast::hash(bytes);
            if *sums[block].get_or_insert(sum) != sum {
                return Err(Damage { offset: (block * BLOCK) as u64 }.into());
            }
        }
        Ok(())
    }
}

impl<B: StorageBackend> StorageBackend for Checked<B> {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)?;
        if offset == 0 && !header::is_whole(out) {
            return Err(Damage { offset }.into());
        }
        self.verify(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        locked(&self.sums).truncate(index(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()?;
        match locked(&self.header).synced() {
            Some(header) => self.file.write(0, &header),
            None => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if offset == 0 {
            let mut header = locked(&self.header);
            self.file.write(offset, &header.write(data))?;
        } else {
            self.file.write(offset, data)?;
        }
        self.written(offset, data);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn index(offset: u64) -> usize {
    usize::try_from(offset / BLOCK as u64).unwrap_or(usize::MAX)
}

/// The blocks that lie wholly in the data at this offset, by their numbers.
fn whole_blocks(offset: u64, data: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let first = offset.div_ceil(BLOCK as u64);
    let skipped = usize::try_from(first * BLOCK as u64 - offset).unwrap_or(usize::MAX);
    let blocks = data.get(skipped..).unwrap_or_default().chunks_exact(BLOCK);
    (index(first * BLOCK as u64)..).zip(blocks)
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bytes at {} are not what was written there", self.offset)
    }
}

impl std::error::Error for Damage {}

impl From<Damage> for io::Error {
    fn from(damage: Damage) -> Self {
        Self::new(io::ErrorKind::InvalidData, damage)
    }
}

impl Damage {
    /// Whether an error says that the file is to blame.
    pub(crate) fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|source| source.is::<Self>())
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    /// Some blocks that have been written, and read back as they were.
    fn blocks() -> Checked<InMemoryBackend> {
        let file = Checked::new(InMemoryBackend::new(), 0);
        file.set_len(4 * BLOCK as u64).unwrap();
        file.write(BLOCK as u64, &[7; 2 * BLOCK]).unwrap();
        file.read(BLOCK as u64, &mut [0; 2 * BLOCK]).unwrap();
        file
    }

    fn read(file: &Checked<InMemoryBackend>, block: usize) -> Result<u8, String> {
        let mut bytes = [0; BLOCK];
        let read = file.read((block * BLOCK) as u64, &mut bytes);
        read.map(|()| bytes[9]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_block_that_has_changed_is_not_read_again() {
        let file = blocks();
        file.file.write(BLOCK as u64 + 9, &[8]).unwrap();
        let error = "the bytes at 4096 are not what was written there";
        assert_eq!(read(&file, 1).unwrap_err(), error);
        assert_eq!(read(&file, 2).unwrap(), 7);
        // Neither is one that was only read so far.
        assert_eq!(read(&file, 3).unwrap(), 0);
        file.file.write(3 * BLOCK as u64, &[1]).unwrap();
        read(&file, 3).unwrap_err();
    }

    #[test]
    fn what_is_written_over_is_what_is_read() {
        let file = blocks();
        file.write(BLOCK as u64, &[8; BLOCK]).unwrap();
        assert_eq!(read(&file, 1).unwrap(), 8);
        file.write(2 * BLOCK as u64 + 9, &[9]).unwrap();
        assert_eq!(read(&file, 2).unwrap(), 9);
        file.set_len(2 * BLOCK as u64).unwrap();
        file.set_len(4 * BLOCK as u64).unwrap();
        assert_eq!(read(&file, 2).unwrap(), 0);
    }

    #[test]
    fn the_header_is_checked_by_whoever_opens_the_file() {
        let file = Checked::new(InMemoryBackend::new(), 0);
        file.set_len(BLOCK as u64).unwrap();
        file.write(0, &[7; 320]).unwrap();
        let file = Checked::new(file.file, 0);
        file.read(0, &mut [0; 320]).unwrap();
        for byte in 0..64 {
            let mut old = [0];
            file.file.read(byte, &mut old).unwrap();
            file.file.write(byte, &[old[0] ^ 1]).unwrap();
            let error = file.read(0, &mut [0; 320]).unwrap_err();
            assert!(Damage::is_in(&error), "byte {byte}");
            file.file.write(byte, &old).unwrap();
        }
    }
}
