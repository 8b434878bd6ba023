use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::crash::{Certainty, Logged, crashed};
use super::image::{Change, Image, Scope};
use super::{DiskCounters, DiskFailure};

/// The longest file, in bytes: an offset that was computed wrongly must not fill the memory.
const LONGEST: u64 = 1 << 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FolderId(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(u64);

/// Which life of the machine a handle belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Epoch(u64);

#[derive(Debug, Default)]
pub(super) struct State {
    epoch: Epoch,
    folders: BTreeMap<PathBuf, FolderId>,
    next_id: u64,
    /// What programs see.
    seen: Image,
    /// What is surely there after a crash.
    durable: Image,
    /// What leads from `durable` to `seen`.
    log: Vec<Logged>,
    failure: Option<DiskFailure>,
    fuse: Option<Fuse>,
    is_blown: bool,
    counters: DiskCounters,
}

/// What stops the disk.
#[derive(Clone, Copy, Debug)]
struct Fuse {
    /// How many changes and syncs still succeed.
    left: u32,
    /// How far the next one comes.
    stop: Stop,
}

/// How far an operation comes in which the disk stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It does not begin.
    Before,
    /// A part of it is done.
    Amid,
    /// It is one more that was not synced.
    Anywhere,
}

impl State {
    pub(super) fn folder(&mut self, path: &Path) -> FolderId {
        if let Some(folder) = self.folders.get(path) {
            return *folder;
        }
        let folder = FolderId(self.new_id());
        self.folders.insert(path.to_owned(), folder);
        folder
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    #[cfg_attr(not(test), allow(dead_code, reason = "tests ask for them"))]
    pub(super) const fn counters(&self) -> DiskCounters {
        self.counters
    }

    pub(super) const fn is_blown(&self) -> bool {
        self.is_blown
    }

    pub(super) const fn set_failure(&mut self, failure: Option<DiskFailure>) {
        self.failure = failure;
    }

    pub(super) const fn light_fuse(&mut self, left: u32, stop: Stop) {
        self.fuse = Some(Fuse { left, stop });
    }

    pub(super) const fn put_out_fuse(&mut self) {
        self.fuse = None;
    }

    pub(super) fn crash(&mut self, rng: &mut Rng) {
        self.durable = crashed(std::mem::take(&mut self.durable), &self.log, rng);
        self.seen = self.durable.clone();
        self.begin_again();
    }

    pub(super) fn erase(&mut self) {
        self.folders.clear();
        self.seen = Image::default();
        self.durable = Image::default();
        self.begin_again();
    }

    fn begin_again(&mut self) {
        self.epoch.0 += 1;
        self.log.clear();
        self.fuse = None;
        self.is_blown = false;
    }

    /// What is on the disk, for a handle of this life.
    pub(super) fn seen(&self, epoch: Epoch) -> io::Result<&Image> {
        self.admit(epoch)?;
        Ok(&self.seen)
    }

    /// Makes a file of this name. The caller has seen that there is none.
    pub(super) fn make_file(
        &mut self,
        epoch: Epoch,
        folder: FolderId,
        name: String,
    ) -> io::Result<FileId> {
        let file = self.new_file();
        self.change(epoch, Change::Link { folder, name, file })?;
        Ok(file)
    }

    pub(super) fn change(&mut self, epoch: Epoch, change: Change) -> io::Result<()> {
        self.admit(epoch)?;
        let growth = self.growth(&change)?;
        match self.failure {
            Some(DiskFailure::Fails) => return Err(fails()),
            Some(DiskFailure::Full) if growth => {
                return Err(io::Error::new(
                    io::ErrorKind::StorageFull,
                    "the simulated disk is full",
                ));
            }
            _ => {}
        }
        let stop = self.burn_fuse();
        if stop.is_none() {
            self.seen.apply(&change);
            self.counters.writes += 1;
            if let Change::Write { bytes, .. } = &change {
                self.counters.bytes += bytes.len() as u64;
            }
        }
        let certainty = match stop {
            Some(Stop::Before) => return Err(gone()),
            Some(Stop::Amid) => Certainty::Begun,
            Some(Stop::Anywhere) | None => Certainty::Unsynced,
        };
        self.log.push(Logged { change, certainty });
        if stop.is_some() { Err(gone()) } else { Ok(()) }
    }

    pub(super) fn sync(&mut self, epoch: Epoch, scope: Scope) -> io::Result<()> {
        self.admit(epoch)?;
        if self.failure == Some(DiskFailure::Fails) {
            self.mark(scope, Certainty::Doubtful);
            return Err(fails());
        }
        if let Some(stop) = self.burn_fuse() {
            if stop == Stop::Amid {
                self.mark(scope, Certainty::Begun);
            }
            return Err(gone());
        }
        self.counters.syncs += 1;
        self.mark(scope, Certainty::Synced);
        self.carry_over(scope);
        Ok(())
    }

    fn mark(&mut self, scope: Scope, certainty: Certainty) {
        for logged in &mut self.log {
            if logged.change.scope() == scope && logged.certainty == Certainty::Unsynced {
                logged.certainty = certainty;
            }
        }
    }

    /// Takes out of the log what was synced. What comes behind something doubtful has to wait there,
    /// since a crash applies it after that.
    fn carry_over(&mut self, scope: Scope) {
        let is_doubtful = |logged: &Logged| {
            logged.change.scope() == scope && logged.certainty == Certainty::Doubtful
        };
        if self.log.iter().any(is_doubtful) {
            return;
        }
        for logged in self.log.extract_if(.., |logged| logged.change.scope() == scope) {
            self.durable.apply(&logged.change);
        }
    }

    fn admit(&self, epoch: Epoch) -> io::Result<()> {
        if self.is_blown || self.epoch != epoch { Err(gone()) } else { Ok(()) }
    }

    /// One operation more; how far it comes, if the disk stops in it.
    fn burn_fuse(&mut self) -> Option<Stop> {
        let fuse = self.fuse.as_mut()?;
        if fuse.left == 0 {
            self.is_blown = true;
            return Some(fuse.stop);
        }
        fuse.left -= 1;
        None
    }

    /// Whether the disk holds more after this change.
    fn growth(&self, change: &Change) -> io::Result<bool> {
        let (file, end) = match change {
            Change::Write { file, offset, bytes } => (file, offset.checked_add(bytes.len() as u64)),
            Change::Resize { file, len } => (file, Some(*len)),
            Change::Link { .. } => return Ok(true),
            Change::Rename { .. } | Change::Unlink { .. } => return Ok(false),
        };
        let Some(end) = end.filter(|end| *end <= LONGEST) else {
            let refusal = format!("a file of a simulated disk has at most {LONGEST} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, refusal));
        };
        Ok(end > self.seen.files.get(file).map_or(0, |contents| contents.len() as u64))
    }

    pub(super) const fn new_file(&mut self) -> FileId {
        FileId(self.new_id())
    }

    const fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

fn gone() -> io::Error {
    io::Error::other("the simulated machine of this disk has crashed")
}

fn fails() -> io::Error {
    io::Error::other("the simulated disk fails")
}
