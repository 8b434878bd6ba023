//! Below a database while it is opened: it may repair, and nothing of that is in the file until it turns
//! out that the file is whole and belongs to this node.
//!
//! What the database does to the file meanwhile is held in memory. That is little: a commit that writes
//! what redb knows about its free pages. Then it is done to the file, in the same order and with the same
//! syncs; so a crash in the middle finds what it would have found without this.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// A file that is not changed before it is [released](Release::release).
#[derive(Debug)]
pub(crate) struct Rehearsal<B>(Arc<Inner<B>>);

/// What ends a rehearsal.
#[derive(Debug)]
pub(crate) struct Release<B>(Arc<Inner<B>>);

#[derive(Debug)]
struct Inner<B> {
    file: B,
    is_released: AtomicBool,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    changes: Vec<Change>,
    len: u64,
}

#[derive(Debug)]
enum Change {
    Write { offset: u64, data: Vec<u8> },
    SetLen(u64),
    Sync,
}

/// A file to be opened, and what is to be called when all is well.
pub(crate) fn rehearsal<B: StorageBackend>(file: B) -> io::Result<(Rehearsal<B>, Release<B>)> {
    let held = Mutex::new(Held { changes: Vec::new(), len: file.len()? });
    let inner = Arc::new(Inner { file, is_released: AtomicBool::new(false), held });
    Ok((Rehearsal(Arc::clone(&inner)), Release(inner)))
}

impl<B: StorageBackend> Release<B> {
    /// Does to the file what was held back; from now on nothing is.
    pub(crate) fn release(self) -> io::Result<()> {
        let file = &self.0.file;
        let mut held = self.0.held();
        for change in held.changes.drain(..) {
            match change {
                Change::Write { offset, data } => file.write(offset, &data)?,
                Change::SetLen(len) => file.set_len(len)?,
                Change::Sync => file.sync_data()?,
            }
        }
        self.0.is_released.store(true, Ordering::Release);
        Ok(())
    }
}

impl<B> Inner<B> {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is held back, or nothing after the release.
    fn rehearsed(&self) -> Option<MutexGuard<'_, Held>> {
        let is_released = || self.is_released.load(Ordering::Acquire);
        if is_released() {
            return None;
        }
        let held = self.held();
        (!is_released()).then_some(held)
    }
}

impl<B: StorageBackend> StorageBackend for Rehearsal<B> {
    fn len(&self) -> io::Result<u64> {
        self.0.rehearsed().map_or_else(|| self.0.file.len(), |held| Ok(held.len))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.0.rehearsed() {
            None => self.0.file.read(offset, out),
            Some(held) => held.read(&self.0.file, offset, out),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let Some(mut held) = self.0.rehearsed() else { return self.0.file.set_len(len) };
        held.changes.push(Change::SetLen(len));
        held.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let Some(mut held) = self.0.rehearsed() else { return self.0.file.sync_data() };
        held.changes.push(Change::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let Some(mut held) = self.0.rehearsed() else { return self.0.file.write(offset, data) };
        held.changes.push(Change::Write { offset, data: data.to_vec() });
        held.len = held.len.max(offset + data.len() as u64);
        Ok(())
    }
}

impl Held {
    /// What the file would hold.
    fn read(&self, file: &impl StorageBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset + out.len() as u64 > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let there = part(file.len()?.saturating_sub(offset), out.len());
        out[there..].fill(0);
        if there > 0 {
            file.read(offset, &mut out[..there])?;
        }
        for change in &self.changes {
            match change {
                Change::Write { offset: at, data } => overlay(out, offset, data, *at),
                Change::SetLen(len) => {
                    let kept = part(len.saturating_sub(offset), out.len());
                    out[kept..].fill(0);
                }
                Change::Sync => {}
            }
        }
        Ok(())
    }
}

/// How much of so many bytes is before an end.
fn part(end: u64, len: usize) -> usize {
    usize::try_from(end).unwrap_or(usize::MAX).min(len)
}

/// Puts the bytes that were written at `at` over those at `offset`.
fn overlay(out: &mut [u8], offset: u64, data: &[u8], at: u64) {
    let into = part(at.saturating_sub(offset), out.len());
    let from = part(offset.saturating_sub(at), data.len());
    for (byte, new) in out[into..].iter_mut().zip(&data[from..]) {
        *byte = *new;
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    #[test]
    fn what_is_held_back_is_read_and_then_done() {
        let file = InMemoryBackend::new();
        file.set_len(8).unwrap();
        file.write(0, b"abcdefgh").unwrap();
        let (rehearsal, release) = rehearsal(file).unwrap();
        rehearsal.write(6, b"WXYZ").unwrap();
        rehearsal.write(2, b"12").unwrap();
        rehearsal.set_len(9).unwrap();
        rehearsal.sync_data().unwrap();
        rehearsal.set_len(11).unwrap();

        let read = |file: &dyn StorageBackend, offset, len| {
            let mut bytes = vec![9; len];
            file.read(offset, &mut bytes).map(|()| bytes)
        };
        let all = b"ab12efWXY\0\0";
        for from in 0..all.len() {
            for to in from..=all.len() {
                let found = read(&rehearsal, from as u64, to - from).unwrap();
                assert_eq!(found, all[from..to], "{from} to {to}");
            }
        }
        read(&rehearsal, 10, 2).unwrap_err();
        assert_eq!(read(&rehearsal.0.file, 0, 8).unwrap(), b"abcdefgh");

        // In memory a write must be within the length.
        rehearsal.0.file.set_len(10).unwrap();
        release.release().unwrap();
        assert_eq!(read(&rehearsal.0.file, 0, 11).unwrap(), all);
        rehearsal.write(0, b"A").unwrap();
        assert_eq!(read(&rehearsal.0.file, 0, 1).unwrap(), b"A");
    }
}
