use std::time::Duration;

/// How long to wait before the next attempt to connect: twice as long after each failure, up to a
/// limit, and between half and all of that by chance, so that clients of a restarted node do not
/// come back all at once.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration, random: fastrand::Rng) -> Self {
        let max = max.max(min);
        Self { min, max, next: min, random }
    }

    /// The wait after one more failure.
    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.next.mul_f64(0.5 + self.random.f64() / 2.0);
        self.next = self.next.saturating_mul(2).min(self.max);
        wait
    }

    /// A connection worked: the next failure is the first again.
    pub(crate) fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(50);
    const MAX: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_limit_with_jitter_of_a_half() {
        let mut backoff = Backoff::new(MIN, MAX, fastrand::Rng::with_seed(7));
        for whole in [50, 100, 200, 400, 800, 1000, 1000].map(Duration::from_millis) {
            let wait = backoff.wait();
            assert!(whole / 2 <= wait && wait <= whole, "{wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= MIN);
    }

    #[test]
    fn the_same_seed_gives_the_same_waits() {
        let waits = |seed| {
            let mut backoff = Backoff::new(MIN, MAX, fastrand::Rng::with_seed(seed));
            [(); 5].map(|()| backoff.wait())
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
