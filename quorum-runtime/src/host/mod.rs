//! What a process has of its machine: a disk, a wall clock, threads that may wait.
//!
//! Code that reaches its machine through this module alone runs unchanged in production and under
//! simulation. In production each item is a thin layer over [`std::fs`], [`SystemTime::now`] and
//! [`tokio::task::spawn_blocking`]. On a simulated host the disk forgets at a crash what was not
//! synced, tears writes and fails on demand; the clock is that of the host, with its skew; and work
//! that waits costs simulated time.
//!
//! A disk keeps less than it seems to: a write that was not synced may be lost at a crash, or half
//! of it, or any of those before it and not itself, and so may the name of a file. Pillai et al.,
//! *All File Systems Are Not Created Equal* (OSDI 2014), show how many programs overlook that.
//!
//! ```
//! use std::io;
//! use quorum_runtime::host::{self, Disk};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> io::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("votes");
//! // A vote that must not be forgotten, whatever happens after this.
//! let vote = host::blocking(move || -> io::Result<u8> {
//!     let disk = Disk::folder(path)?;
//!     let file = disk.open("vote")?;
//!     file.write_at(&[7], 0)?;
//!     file.sync()?; // the vote
//!     disk.sync()?; // that there is a file with this name
//!     let mut vote = [0];
//!     disk.open("vote")?.read_at(&mut vote, 0)?;
//!     Ok(vote[0])
//! });
//! assert_eq!(vote.await?, 7);
//! # Ok(())
//! # }
//! ```

mod disk;
mod file;
mod folder;
#[cfg(feature = "sim")]
pub(crate) mod simulated;

use std::time::SystemTime;

pub use disk::Disk;
pub use file::File;

/// The time by the clock on the wall of this host.
///
/// It says what the machine believes, which may be wrong, differ from host to host, and go back. For
/// waits and timeouts use [`tokio::time`].
///
/// ```
/// use std::time::UNIX_EPOCH;
/// use quorum_runtime::host;
///
/// let since_1970 = host::now().duration_since(UNIX_EPOCH).unwrap_or_default();
/// assert!(since_1970.as_secs() > 1_700_000_000);
/// ```
#[must_use]
pub fn now() -> SystemTime {
    #[cfg(feature = "sim")]
    if let Some(here) = crate::sim::here() {
        return here.now();
    }
    SystemTime::now()
}

/// Runs work that waits for the disk, or computes for long, where it holds up no other task.
///
/// In production that is a thread of its own ([`tokio::task::spawn_blocking`]). On a simulated host
/// the work runs in place, after a delay that the simulation draws.
///
/// Work that has begun runs to its end, whether or not somebody still waits for it; so what it
/// changes must be whole by itself. Work that has not begun when the runtime is shut down never does,
/// and who waits for it waits until it is dropped, as every task of that runtime is.
///
/// # Panics
///
/// If the work panics, with its panic; and without a runtime of tokio.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let sum = quorum_runtime::host::blocking(|| (1..=1000).sum::<u64>()).await;
/// assert_eq!(sum, 500_500);
/// # }
/// ```
pub async fn blocking<T, F>(work: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    #[cfg(feature = "sim")]
    if let Some(here) = crate::sim::here() {
        tokio::time::sleep(here.disk_delay()).await;
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime is shut down. A worker of it may poll its task once more before it
            // drops it, which is no reason to panic.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_work_is_that_of_the_caller() {
        let caller = tokio::spawn(blocking(|| -> () { panic!("of the work") }));
        let panic = caller.await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"of the work"));
    }

    #[test]
    fn work_of_a_runtime_that_is_shut_down_never_begins() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        runtime.shutdown_background();
        let _entered = handle.enter();
        let mut work = Box::pin(blocking(|| unreachable!()));
        assert_eq!(work.as_mut().now_or_never(), None::<()>);
        assert_eq!(work.as_mut().now_or_never(), None);
    }
}
