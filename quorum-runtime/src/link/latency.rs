use std::time::Duration;

use tokio::time::Instant;

/// How long a node takes to reply: a moving average over samples, one request at a time, so that
/// the clock is read twice for each sample and never for the requests in between.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    average: Option<Duration>,
    sampled: Option<(u64, Instant)>,
}

impl Latency {
    /// Weight of the newest sample, as a fraction: 1/8, as TCP weighs its round trips (Jacobson,
    /// 1988).
    const WEIGHT: u32 = 8;

    /// The average, or the time that the sampled request has waited if that is longer: a node that
    /// hangs is not fast because it once was.
    pub(crate) fn estimate(&self) -> Option<Duration> {
        let waited = self.sampled.map_or(Duration::ZERO, |(_, sent)| sent.elapsed());
        self.average.map(|average| average.max(waited))
    }

    /// A request was handed to the connection.
    pub(crate) fn sent(&mut self, sequence: u64) {
        if self.sampled.is_none() {
            self.sampled = Some((sequence, Instant::now()));
        }
    }

    /// The reply to a request has come, whether or not somebody waits for it.
    pub(crate) fn replied(&mut self, sequence: u64) {
        if let Some((_, sent)) = self.sampled.take_if(|(sampled, _)| *sampled == sequence) {
            self.add(sent.elapsed());
        }
    }

    /// The sampled request will not be answered.
    pub(crate) const fn interrupted(&mut self) {
        self.sampled = None;
    }

    fn add(&mut self, sample: Duration) {
        self.average = Some(match self.average {
            None => sample,
            Some(average) => (average * (Self::WEIGHT - 1) + sample) / Self::WEIGHT,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
