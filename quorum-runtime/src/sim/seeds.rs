use std::num::NonZero;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::{Result, Simulation};
use crate::transport::BoxError;

/// Many runs of one simulation, each drawn from a seed of its own.
///
/// A thread for each core takes the next seed; a run itself has one thread.
///
/// ```
/// use quorum_runtime::sim::Seeds;
///
/// let mut sum = 0;
/// Seeds::new(0..10).run(|sim| Ok(sim.seed()), |_, seed| sum += seed)?;
/// assert_eq!(sum, 45);
///
/// let fails = |sim: &mut quorum_runtime::sim::Simulation| match sim.seed() {
///     seed @ (7 | 9) => Err(format!("{seed} is unlucky").into()),
///     _ => Ok(()),
/// };
/// let error = Seeds::new(0..10).run(fails, |_, ()| {}).unwrap_err();
/// assert_eq!(error.to_string(), "seed 7: 7 is unlucky");
/// # Ok::<_, quorum_runtime::sim::SeedError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Seeds {
    range: Range<u64>,
    threads: usize,
}

/// A seed whose run went wrong: the first of those that did.
#[derive(Debug, thiserror::Error)]
#[error("seed {seed}: {error}")]
#[non_exhaustive]
pub struct SeedError {
    /// The seed.
    pub seed: u64,
    /// What went wrong.
    #[source]
    pub error: BoxError,
}

impl Seeds {
    /// All of these.
    #[must_use]
    pub fn new(range: Range<u64>) -> Self {
        Self { range, threads: thread::available_parallelism().map_or(1, NonZero::get) }
    }

    /// So many at once. Default: the number of cores.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Runs `test` with a simulation of each seed, and gives `each` what it returns, in the order in
    /// which the runs end. Ends with the first error. A panic of `test` is one.
    ///
    /// # Errors
    ///
    /// The error of the lowest of the seeds that went wrong, which is the same each time.
    pub fn run<T: Send>(
        &self,
        test: impl Fn(&mut Simulation) -> Result<T> + Sync,
        each: impl FnMut(u64, T) + Send,
    ) -> std::result::Result<(), SeedError> {
        self.run_with(|seed| test(&mut Simulation::new(seed)), each)
    }

    pub(super) fn run_with<T: Send>(
        &self,
        test: impl Fn(u64) -> Result<T> + Sync,
        each: impl FnMut(u64, T) + Send,
    ) -> std::result::Result<(), SeedError> {
        let next = AtomicU64::new(self.range.start);
        let (each, failed) = (Mutex::new(each), Mutex::new(None::<SeedError>));
        let lock = || failed.lock().unwrap_or_else(PoisonError::into_inner);
        let work = || {
            while lock().is_none() {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= self.range.end {
                    return;
                }
                match caught(|| test(seed)) {
                    Ok(value) => each.lock().unwrap_or_else(PoisonError::into_inner)(seed, value),
                    Err(error) => {
                        // Those that are lower were begun before, and are still awaited.
                        let mut failed = lock();
                        if failed.as_ref().is_none_or(|known| seed < known.seed) {
                            *failed = Some(SeedError { seed, error });
                        }
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(work);
            }
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// What `run` returns, or that it panicked.
pub(super) fn caught<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = super::panic_text(&*panic);
        Err(format!("the test panicked: {text}").into())
    })
}
