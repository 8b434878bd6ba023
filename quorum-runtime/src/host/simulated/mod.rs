//! The simulated form of a disk: what a program has written, and what of it a crash leaves.
//!
//! Each file and each folder is there twice: as programs see it, and as it surely is on the platter.
//! Between the two stands a log of what was changed and not synced. A sync carries its part of the log
//! over; a crash draws what else gets there. It is pure: no clock, no task, and no randomness but
//! what is handed in.
//!
//! **Invariant:** changes of different files and folders commute, so each may be carried over alone.

mod crash;
mod handle;
mod image;
mod state;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

use super::Disk;
pub(super) use handle::{SimulatedFile, SimulatedFolder};
use state::State;
pub(crate) use state::Stop;

/// The disk of a simulated host. Clones are handles of the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

/// How a disk fails, until it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiskFailure {
    /// It can only be read. What a failed sync was to make durable stays in doubt, whatever is synced
    /// later.
    Fails,
    /// Nothing can grow.
    Full,
}

/// What a disk was asked to do and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DiskCounters {
    /// Changes: of contents, of lengths, of names.
    pub(crate) writes: u64,
    /// Syncs, of files and of folders.
    pub(crate) syncs: u64,
    /// How many bytes were written to files.
    pub(crate) bytes: u64,
}

impl SimulatedDisk {
    /// A folder of this disk; each path is another one, which is always there.
    pub(crate) fn folder(&self, path: impl AsRef<Path>) -> Disk {
        let mut state = self.state();
        let (folder, epoch) = (state.folder(path.as_ref()), state.epoch());
        drop(state);
        Disk::simulated(SimulatedFolder::new(self.clone(), folder, epoch))
    }

    /// The machine crashes: of what was not synced, some survives. The handles that are open fail
    /// from now on, whatever destructors still do with them. The failure that was set stays.
    pub(crate) fn crash(&self, rng: &mut Rng) {
        self.state().crash(rng);
    }

    /// The disk is replaced by an empty one. The handles that are open fail from now on.
    pub(crate) fn erase(&self) {
        self.state().erase();
    }

    /// From now on the disk fails in this way, or no longer.
    pub(crate) fn set_failure(&self, failure: Option<DiskFailure>) {
        self.state().set_failure(failure);
    }

    /// So many changes and syncs still succeed; in the next one the disk stops, and with it all that
    /// uses it: every operation fails until [`crash`](Self::crash) draws what was done of that one.
    pub(crate) fn crash_in_operation(&self, after: u32, stop: Stop) {
        self.state().light_fuse(after, stop);
    }

    /// Nothing stops the disk any more, if it has not yet.
    pub(crate) fn disarm(&self) {
        self.state().put_out_fuse();
    }

    /// Whether the disk has stopped, and the process that uses it is to be killed.
    pub(crate) fn is_blown(&self) -> bool {
        self.state().is_blown()
    }

    #[cfg_attr(not(test), allow(dead_code, reason = "tests ask whether a disk was synced"))]
    pub(crate) fn counters(&self) -> DiskCounters {
        self.state().counters()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
