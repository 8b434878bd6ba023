use super::delivery::Answer;

/// One-way messages that did not arrive at a node, or may not have.
///
/// Nobody waits for a one-way message unless it is awaited, so what became of those that were not is
/// counted.
///
/// ```
/// use quorum_runtime::{Losses, Manager};
///
/// #[quorum_macros::service]
/// pub trait Gossip {
///     #[call(multicast)]
///     async fn gossip(&self, news: String);
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = Manager::builder().node(1, nobody()).build()?;
/// let node = manager.node(1)?;
/// node.gossip("nobody hears this".to_owned()).await.unwrap_err();
/// assert_eq!(node.losses(), Losses { undelivered: 1, unconfirmed: 0 });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Messages that were never handed to a connection: the queue was full, no connection came
    /// about, their deadline passed, or the link was closed.
    pub undelivered: u64,
    /// Messages that were handed to a connection which broke before the node answered anything that
    /// was sent behind them. They may have arrived.
    pub unconfirmed: u64,
}

impl Losses {
    /// A message was not handed to a connection, and won't be.
    pub(super) const fn undelivered(&mut self, answer: Answer) {
        if matches!(answer, Answer::Nothing) {
            self.undelivered += 1;
        }
    }

    /// This many messages may have been lost with their connection.
    pub(super) const fn unconfirmed(&mut self, messages: u64) {
        self.unconfirmed += messages;
    }
}

/// The one-way messages that one connection was handed, and how many of them have arrived for sure.
///
/// A node handles requests in the order in which they were sent, so the answer to one says that all
/// before it have arrived.
#[derive(Debug, Default)]
pub(super) struct Handed {
    one_ways: u64,
    arrived: u64,
}

impl Handed {
    pub(super) const fn one_way(&mut self, answer: Answer) {
        if matches!(answer, Answer::Nothing) {
            self.one_ways += 1;
        }
    }

    pub(super) const fn one_ways(&self) -> u64 {
        self.one_ways
    }

    /// A request was answered that was sent behind this many one-way messages.
    pub(super) fn arrived(&mut self, behind: u64) {
        self.arrived = self.arrived.max(behind);
    }

    /// The connection is gone: how many messages may be lost with it.
    pub(super) fn lost(&mut self) -> u64 {
        let Self { one_ways, arrived } = std::mem::take(self);
        one_ways - arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_confirms_what_was_sent_before_it_and_nothing_else() {
        let mut handed = Handed::default();
        handed.one_way(Answer::Nothing);
        handed.one_way(Answer::Nothing);
        let behind = handed.one_ways();
        handed.one_way(Answer::Nothing);
        handed.one_way(Answer::Untold);
        handed.arrived(behind);
        handed.arrived(1); // an earlier request, answered later
        assert_eq!(handed.lost(), 1);
        assert_eq!(handed.lost(), 0, "the next connection begins anew");
    }
}
