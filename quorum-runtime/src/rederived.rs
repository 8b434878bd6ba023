use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::configuration::Configuration;

/// A configuration that is derived from another one again and again, as what it was derived from
/// changes: the latencies of the nodes, or their connections.
///
/// `every` says how old the derived configuration may be. There is no task that watches the time:
/// [`current`](Self::current) derives when it is asked and the last one is too old, so what nobody
/// asks for costs nothing, and nothing has to be stopped. A configuration that was taken stays as it
/// is; take it anew for each call, or for each batch of calls that belong together.
///
/// A clone shares what was derived.
///
/// To derive configurations on a schedule is Gorums' idea, which has a task and a channel for it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use quorum_runtime::{Majority, Manager, Rederived};
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let register = Manager::builder().nodes(servers(5).await).build()?.register(Majority)?;
/// let near = Rederived::new(register, Duration::from_secs(1), |all| all.fastest(3));
/// near.current().write(State::new(1, "hello")).await?;
/// assert_eq!(near.current().read(()).await?.text, "hello");
/// # Ok(())
/// # }
/// ```
pub struct Rederived<S>(Arc<Shared<S>>);

struct Shared<S> {
    base: Configuration<S>,
    every: Duration,
    derive: Derive<S>,
    last: Mutex<Derived<S>>,
}

type Derive<S> = Box<dyn Fn(&Configuration<S>) -> Configuration<S> + Send + Sync>;

struct Derived<S> {
    configuration: Configuration<S>,
    /// `None` is further away than the clock can tell.
    stale_at: Option<Instant>,
}

impl<S> Rederived<S> {
    /// Derives from `base` at once, and anew when what was derived is older than `every`.
    ///
    /// # Panics
    ///
    /// When `derive` does.
    #[must_use]
    pub fn new(
        base: Configuration<S>,
        every: Duration,
        derive: impl Fn(&Configuration<S>) -> Configuration<S> + Send + Sync + 'static,
    ) -> Self {
        let stale_at = Instant::now().checked_add(every);
        let last = Derived { configuration: derive(&base), stale_at };
        Self(Arc::new(Shared { base, every, derive: Box::new(derive), last: Mutex::new(last) }))
    }

    /// The configuration as it was derived last, derived anew when that is too long ago.
    ///
    /// One caller at a time derives, and the others get the last one meanwhile.
    ///
    /// # Panics
    ///
    /// When the function that derives does. The last configuration then stays until the next time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use quorum_runtime::{Majority, Manager, Rederived};
    ///
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let register = Manager::builder().nodes(servers(5).await).build()?.register(Majority)?;
    /// let near = Rederived::new(register.clone(), Duration::ZERO, |all| all.fastest(3));
    ///
    /// register.only([3, 4, 5])?.read(()).threshold(3).await?; // only these have a latency
    /// let targets = near.current();
    /// assert!(targets.targets().iter().all(|node| node.id().get() >= 3));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn current(&self) -> Configuration<S> {
        let shared = &*self.0;
        {
            let mut last = shared.last();
            let now = Instant::now();
            if last.stale_at.is_none_or(|stale_at| now < stale_at) {
                return last.configuration.clone();
            }
            // Whoever asks from now on gets the last one, so nobody else derives.
            last.stale_at = now.checked_add(shared.every);
        }
        // With the lock released: the function is not ours.
        let derived = (shared.derive)(&shared.base);
        shared.last().configuration = derived.clone();
        derived
    }
}

impl<S> Shared<S> {
    // Nothing panics while the lock is held.
    fn last(&self) -> MutexGuard<'_, Derived<S>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Clone for Rederived<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Rederived<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rederived")
            .field("base", &self.0.base)
            .field("every", &self.0.every)
            .field("last", &self.0.last().configuration)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{Majority, Manager};

    const EVERY: Duration = Duration::from_secs(1);

    fn base() -> Configuration<Majority> {
        let nodes = (1..=3).map(|id| format!("127.0.0.1:{id}"));
        let manager = Manager::builder().nodes(nodes).build().expect("a manager");
        manager.configuration(Majority).expect("a configuration")
    }

    /// Derives one target: node 1 first, then nodes 2, 3, 1, 2, …
    fn in_turn(every: Duration) -> Rederived<Majority> {
        let turn = AtomicU32::new(0);
        Rederived::new(base(), every, move |all| {
            all.only([turn.fetch_add(1, Ordering::Relaxed) % 3 + 1]).expect("a member")
        })
    }

    fn target(rederived: &Rederived<Majority>) -> u32 {
        rederived.current().targets()[0].id().get()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_derived_when_it_is_asked_for_and_too_old() {
        let rederived = in_turn(EVERY);
        assert_eq!(target(&rederived), 1);
        tokio::time::advance(EVERY * 9 / 10).await;
        assert_eq!(target(&rederived), 1);
        tokio::time::advance(EVERY / 10).await;
        assert_eq!(target(&rederived), 2);
        tokio::time::advance(EVERY * 9 / 10).await;
        assert_eq!(target(&rederived), 2, "counted from the last time");
        tokio::time::advance(EVERY * 100).await;
        assert_eq!(target(&rederived), 3, "once, however long nobody asked");
    }

    #[tokio::test(start_paused = true)]
    async fn clones_share_what_was_derived_and_what_was_taken_stays() {
        let rederived = in_turn(EVERY);
        let (clone, taken) = (rederived.clone(), rederived.current());
        tokio::time::advance(EVERY).await;
        assert_eq!((target(&rederived), target(&clone)), (2, 2));
        assert_eq!(taken.targets()[0].id().get(), 1);
        assert_eq!(taken.members().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn it_may_be_derived_each_time_or_once() {
        let (each, once) = (in_turn(Duration::ZERO), in_turn(Duration::MAX));
        assert_eq!([(); 4].map(|()| target(&each)), [2, 3, 1, 2]);
        tokio::time::advance(EVERY * 1_000_000).await;
        assert_eq!([(); 4].map(|()| target(&once)), [1; 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_that_panics_leaves_the_last_one() {
        let turn = AtomicU32::new(0);
        let rederived = Rederived::new(base(), EVERY, move |all| {
            let turn = turn.fetch_add(1, Ordering::Relaxed) + 1;
            assert_ne!(turn, 2, "the second time");
            all.only([turn]).expect("a member")
        });
        tokio::time::advance(EVERY).await;
        let panicked = catch_unwind(AssertUnwindSafe(|| target(&rederived)));
        assert!(panicked.is_err());
        assert_eq!(target(&rederived), 1);
        tokio::time::advance(EVERY).await;
        assert_eq!(target(&rederived), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_function_may_ask_for_the_last_one() {
        let own = Arc::new(Mutex::new(None::<Rederived<Majority>>));
        let inner = Arc::clone(&own);
        let rederived = Rederived::new(base(), EVERY, move |all| {
            let own = inner.lock().expect("no panic").clone();
            let next = own.map_or(1, |own| target(&own) + 1);
            all.only([next]).expect("a member")
        });
        *own.lock().expect("no panic") = Some(rederived.clone());
        tokio::time::advance(EVERY).await;
        assert_eq!(target(&rederived), 2);
        *own.lock().expect("no panic") = None;
    }
}
