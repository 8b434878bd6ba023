use std::io;

use super::SimulatedDisk;
use super::image::{Change, Image, Scope, index};
use super::state::{Epoch, FileId, FolderId};

/// A folder of a simulated disk, for one life of its machine.
#[derive(Debug)]
pub(in crate::host) struct SimulatedFolder {
    disk: SimulatedDisk,
    folder: FolderId,
    epoch: Epoch,
}

impl SimulatedFolder {
    pub(super) const fn new(disk: SimulatedDisk, folder: FolderId, epoch: Epoch) -> Self {
        Self { disk, folder, epoch }
    }

    pub(in crate::host) fn open_file(&self, name: &str) -> io::Result<SimulatedFile> {
        let mut state = self.disk.state();
        let file = match self.find(state.seen(self.epoch)?, name) {
            Some(file) => file,
            None => state.make_file(self.epoch, self.folder, name.to_owned())?,
        };
        drop(state);
        Ok(SimulatedFile { disk: self.disk.clone(), file, epoch: self.epoch })
    }

    pub(in crate::host) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.disk.state();
        let file = self.find(state.seen(self.epoch)?, from).ok_or_else(|| not_found(from))?;
        if from == to {
            return Ok(());
        }
        let (folder, from, to) = (self.folder, from.to_owned(), to.to_owned());
        state.change(self.epoch, Change::Rename { folder, from, to, file })
    }

    pub(in crate::host) fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.disk.state();
        self.find(state.seen(self.epoch)?, name).ok_or_else(|| not_found(name))?;
        let change = Change::Unlink { folder: self.folder, name: name.to_owned() };
        state.change(self.epoch, change)
    }

    pub(in crate::host) fn names(&self) -> io::Result<Vec<String>> {
        let state = self.disk.state();
        let names = state.seen(self.epoch)?.folders.get(&self.folder);
        Ok(names.into_iter().flat_map(|names| names.keys()).cloned().collect())
    }

    pub(in crate::host) fn sync(&self) -> io::Result<()> {
        self.disk.state().sync(self.epoch, Scope::Folder(self.folder))
    }

    fn find(&self, image: &Image, name: &str) -> Option<FileId> {
        image.folders.get(&self.folder)?.get(name).copied()
    }
}

/// A file of a simulated disk, for one life of its machine.
#[derive(Debug)]
pub(in crate::host) struct SimulatedFile {
    disk: SimulatedDisk,
    file: FileId,
    epoch: Epoch,
}

impl SimulatedFile {
    pub(in crate::host) fn len(&self) -> io::Result<u64> {
        let state = self.disk.state();
        Ok(self.contents(state.seen(self.epoch)?).len() as u64)
    }

    pub(in crate::host) fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.state();
        let contents = self.contents(state.seen(self.epoch)?);
        let rest = contents.get(index(offset)..).unwrap_or_default();
        let Some(read) = rest.get(..bytes.len()) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        bytes.copy_from_slice(read);
        drop(state);
        Ok(())
    }

    pub(in crate::host) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        if bytes.is_empty() {
            return state.seen(self.epoch).map(drop);
        }
        let change = Change::Write { file: self.file, offset, bytes: bytes.to_vec() };
        state.change(self.epoch, change)
    }

    pub(in crate::host) fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.state().change(self.epoch, Change::Resize { file: self.file, len })
    }

    pub(in crate::host) fn sync(&self) -> io::Result<()> {
        self.disk.state().sync(self.epoch, Scope::File(self.file))
    }

    fn contents<'a>(&self, image: &'a Image) -> &'a [u8] {
        image.files.get(&self.file).map_or(&[], Vec::as_slice)
    }
}

fn not_found(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("the simulated disk has no file {name}"))
}
