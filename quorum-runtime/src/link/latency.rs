use std::time::Duration;

use tokio::time::Instant;

/// How long a node takes to reply: a moving average over samples, one request at a time, so that
/// the clock is read twice for each sample and not for the requests in between.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    average: Option<Average>,
    sampled: Option<Sample>,
}

#[derive(Debug)]
struct Average {
    value: Duration,
    /// When the newest sample was taken.
    at: Instant,
}

/// A request that was sent and is not answered.
#[derive(Debug)]
struct Sample {
    sequence: u64,
    sent: Instant,
    /// Since when nobody waits for the reply, so it may be that none will come.
    given_up: Option<Instant>,
}

impl Latency {
    /// Weight of the newest sample, as a fraction: 1/8, as TCP weighs its round trips (Jacobson,
    /// 1988).
    const WEIGHT: u32 = 8;
    /// In this time an average without a new sample loses half of what it says.
    const HALF_LIFE: Duration = Duration::from_secs(10);

    /// The average, or the time that the sampled request has waited if that is longer: a node that
    /// hangs is not fast because it once was.
    pub(crate) fn estimate(&self) -> Option<Duration> {
        let average = self.average.as_ref()?.value;
        Some(self.sampled.as_ref().map_or(average, |sample| average.max(now() - sample.sent)))
    }

    /// What the node may take by now, at best. A node that is not called is not measured, so what
    /// it took fades, and one that was never measured may be fast.
    pub(crate) fn hoped(&self, now: Instant) -> Duration {
        let faded = |value: Duration, since: Instant| {
            let half_lives = (now - since).div_duration_f64(Self::HALF_LIFE);
            value.mul_f64(0.5_f64.powf(half_lives))
        };
        let took = self.average.as_ref().map(|average| faded(average.value, average.at));
        let waits = self.sampled.as_ref().map(|sample| {
            let waited = now - sample.sent;
            sample.given_up.map_or(waited, |since| faded(waited, since))
        });
        took.max(waits).unwrap_or_default()
    }

    /// A request was handed to the connection.
    pub(crate) fn sent(&mut self, sequence: u64) {
        let is_free = match &self.sampled {
            None => true,
            // The node hung, or dropped the request. Whether it still does is to be seen.
            Some(Sample { given_up: Some(since), .. }) => now() - *since > Self::HALF_LIFE,
            Some(_) => false,
        };
        if is_free {
            self.sampled = Some(Sample { sequence, sent: now(), given_up: None });
        }
    }

    /// The reply to a request has come, whether or not somebody waits for it.
    pub(crate) fn replied(&mut self, sequence: u64) {
        match &self.sampled {
            Some(sample) if sample.sequence == sequence => {
                let (sent, now) = (sample.sent, now());
                self.sampled = None;
                self.add(now - sent, now);
            }
            // A reply to a later request: the node does not hang, it has nothing to say to this one.
            Some(sample) if sample.given_up.is_some() && sample.sequence < sequence => {
                self.sampled = None;
            }
            _ => {}
        }
    }

    /// Nobody waits for the reply to this request any more. A node that hangs owes it all the same.
    pub(crate) fn given_up(&mut self, sequence: u64) {
        if let Some(sample) = self.sampled.as_mut().filter(|sample| sample.sequence == sequence) {
            sample.given_up.get_or_insert_with(now);
        }
    }

    /// The node is told not to reply to this request.
    pub(crate) fn cancelled(&mut self, sequence: u64) {
        self.sampled.take_if(|sample| sample.sequence == sequence);
    }

    /// The sampled request will not be answered.
    pub(crate) fn interrupted(&mut self) {
        self.sampled = None;
    }

    fn add(&mut self, sample: Duration, at: Instant) {
        let value = match &self.average {
            None => sample,
            Some(average) => (average.value * (Self::WEIGHT - 1) + sample) / Self::WEIGHT,
        };
        self.average = Some(Average { value, at });
    }
}

fn now() -> Instant {
    #[cfg(test)]
    tests::CLOCK_READS.with(|reads| reads.set(reads.get() + 1));
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        pub(super) static CLOCK_READS: Cell<usize> = const { Cell::new(0) };
    }

    async fn reply_after(latency: &mut Latency, sequence: u64, millis: u64) {
        latency.sent(sequence);
        tokio::time::advance(Duration::from_millis(millis)).await;
        latency.replied(sequence);
    }

    #[tokio::test(start_paused = true)]
    async fn the_average_moves_by_an_eighth_of_the_difference() {
        let mut latency = Latency::default();
        assert_eq!(latency.estimate(), None);
        reply_after(&mut latency, 1, 80).await;
        assert_eq!(latency.estimate(), Some(Duration::from_millis(80)));
        reply_after(&mut latency, 2, 160).await;
        assert_eq!(latency.estimate(), Some(Duration::from_millis(90)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_is_sampled_at_a_time() {
        let mut latency = Latency::default();
        latency.sent(1);
        tokio::time::advance(Duration::from_millis(10)).await;
        reply_after(&mut latency, 2, 10).await;
        assert_eq!(latency.estimate(), None, "the second was no sample");
        latency.replied(1);
        assert_eq!(latency.estimate(), Some(Duration::from_millis(20)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_hangs_becomes_slow() {
        let mut latency = Latency::default();
        reply_after(&mut latency, 1, 10).await;
        latency.sent(2);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(latency.estimate(), Some(Duration::from_secs(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_cut_off_is_no_sample() {
        let mut latency = Latency::default();
        latency.sent(1);
        latency.interrupted();
        reply_after(&mut latency, 2, 10).await;
        assert_eq!(latency.estimate(), Some(Duration::from_millis(10)));
    }

    #[test]
    fn under_load_the_clock_is_read_for_samples_alone() {
        let mut latency = Latency::default();
        let begun = CLOCK_READS.get();
        // A hundred requests are always under way, so one in a hundred is a sample.
        for sequence in 0..10_000_u64 {
            latency.sent(sequence);
            if let Some(answered) = sequence.checked_sub(99) {
                latency.replied(answered);
            }
        }
        let samples = 10_000 / 100;
        assert_eq!(CLOCK_READS.get() - begun, 2 * samples);
        latency.interrupted();
        let begun = CLOCK_READS.get();
        assert!(latency.estimate().is_some());
        assert_eq!(CLOCK_READS.get(), begun, "nothing is under way that could be late");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_never_answered_does_not_slow_a_node_that_answers_others() {
        let mut latency = Latency::default();
        reply_after(&mut latency, 1, 10).await;
        latency.sent(2);
        latency.given_up(2);
        reply_after(&mut latency, 3, 500).await;
        assert_eq!(latency.estimate(), Some(Duration::from_millis(10)));
        reply_after(&mut latency, 4, 90).await;
        assert_eq!(latency.estimate(), Some(Duration::from_millis(20)), "sampled again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_reply_that_nobody_waits_for_is_a_sample() {
        let mut latency = Latency::default();
        reply_after(&mut latency, 1, 10).await;
        latency.sent(2);
        latency.given_up(2);
        tokio::time::advance(Duration::from_millis(90)).await;
        latency.replied(1);
        assert_eq!(latency.estimate(), Some(Duration::from_millis(90)), "it may hang");
        latency.replied(2);
        assert_eq!(latency.estimate(), Some(Duration::from_millis(20)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_was_cancelled_is_no_sample() {
        let mut latency = Latency::default();
        reply_after(&mut latency, 1, 10).await;
        latency.sent(2);
        latency.cancelled(3);
        latency.cancelled(2);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(latency.estimate(), Some(Duration::from_millis(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_hoped_for_fades_and_a_wait_is_certain() {
        let mut latency = Latency::default();
        let hoped = |latency: &Latency| latency.hoped(Instant::now());
        assert_eq!(hoped(&latency), Duration::ZERO, "never measured");
        reply_after(&mut latency, 1, 80).await;
        assert_eq!(hoped(&latency), Duration::from_millis(80));
        tokio::time::advance(Latency::HALF_LIFE * 3).await;
        assert_eq!(hoped(&latency), Duration::from_millis(10));
        assert_eq!(latency.estimate(), Some(Duration::from_millis(80)), "what was measured stays");
        latency.sent(2);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(hoped(&latency), Duration::from_millis(500));
        tokio::time::advance(Duration::from_secs(1 << 40)).await;
        latency.interrupted();
        assert_eq!(hoped(&latency), Duration::ZERO);

        let mut hung = Latency::default();
        hung.sent(1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(hoped(&hung), Duration::from_secs(1), "although it has never replied");
        hung.given_up(1);
        tokio::time::advance(Latency::HALF_LIFE).await;
        assert_eq!(hoped(&hung), Duration::from_millis(5500), "half of eleven");
        hung.sent(2);
        assert_eq!(hoped(&hung), Duration::from_millis(5500), "it may still be the first");
        tokio::time::advance(Latency::HALF_LIFE * 20).await;
        assert!(hoped(&hung) < Duration::from_millis(1), "it is tried again");
        hung.sent(3);
        hung.given_up(3);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(hoped(&hung) > Duration::from_secs(1), "and hangs again");
    }
}
