//! What clients want to be executed, until a leader takes it: as much as fits into a batch.

use prost::Message as _;
use tokio::sync::{mpsc, oneshot};

use crate::paxos::{Batch, Command, Outcome};

/// How many commands wait for a leader at most. Further ones are refused.
const QUEUE: usize = 8_192;

/// The way in. Clones lead to the same leader.
#[derive(Clone, Debug)]
pub(crate) struct Proposer(mpsc::Sender<Proposal>);

/// The way out, at the leader.
#[derive(Debug)]
pub(crate) struct Proposals {
    queue: mpsc::Receiver<Proposal>,
    /// Did not fit into the last batch.
    left: Option<Proposal>,
    batch_bytes: usize,
}

#[derive(Debug)]
struct Proposal {
    command: Command,
    answer: oneshot::Sender<Outcome>,
}

/// Commands that go into one slot, and who waits for their outcomes.
#[derive(Debug, Default)]
pub(crate) struct Proposed {
    pub(crate) batch: Batch,
    pub(crate) answers: Vec<oneshot::Sender<Outcome>>,
}

/// A queue of commands that are put into batches of about so many bytes.
pub(crate) fn proposals(batch_bytes: usize) -> (Proposer, Proposals) {
    let (sender, queue) = mpsc::channel(QUEUE);
    (Proposer(sender), Proposals { queue, left: None, batch_bytes })
}

impl Proposer {
    /// Queues a command, and gives what tells its outcome; nothing, if the leader is none any more. `None`
    /// if the queue is full.
    pub(crate) fn propose(&self, command: Command) -> Option<oneshot::Receiver<Outcome>> {
        let (answer, outcome) = oneshot::channel();
        self.0.try_send(Proposal { command, answer }).ok().map(|()| outcome)
    }
}

impl Proposals {
    /// Waits for a command, and takes those that wait with it.
    ///
    /// Nothing is lost if this is dropped before it completes.
    pub(crate) async fn next(&mut self) -> Proposed {
        let first = match self.left.take() {
            Some(left) => left,
            None => match self.queue.recv().await {
                Some(first) => first,
                None => std::future::pending().await, // The node is ending.
            },
        };
        let (mut proposed, mut bytes) = (Proposed::default(), 0);
        let mut next = Some(first);
        while let Some(Proposal { command, answer }) = next {
            let length = command.encoded_len();
            if bytes > 0 && bytes + length > self.batch_bytes {
                self.left = Some(Proposal { command, answer });
                break;
            }
            // Who has given up meanwhile has asked again, or will.
            if !answer.is_closed() {
                bytes += length;
                proposed.batch.commands.push(command);
                proposed.answers.push(answer);
            }
            next = self.queue.try_recv().ok();
        }
        proposed
    }

    /// Tells those who wait that this node does not lead.
    pub(crate) fn refuse_all(&mut self) {
        self.left = None;
        while self.queue.try_recv().is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::paxos::Put;
    use crate::paxos::command::Operation;

    fn put(sequence: u64, bytes: usize) -> Command {
        let put = Put { key: "k".to_owned(), value: "v".repeat(bytes) };
        Command { session: 1, sequence, operation: Some(Operation::Put(put)) }
    }

    fn sequences(proposed: &Proposed) -> Vec<u64> {
        proposed.batch.commands.iter().map(|command| command.sequence).collect()
    }

    #[tokio::test]
    async fn a_batch_is_what_waits_and_fits_in_the_order_of_asking() {
        let (proposer, mut proposals) = proposals(1_000);
        let mut outcomes: Vec<_> =
            (1..=5).map(|sequence| proposer.propose(put(sequence, 300)).unwrap()).collect();
        outcomes.push(proposer.propose(put(6, 5_000)).unwrap());
        outcomes.push(proposer.propose(put(7, 1)).unwrap());
        drop(outcomes.remove(1));
        assert_eq!(sequences(&proposals.next().await), [1, 3, 4], "2 was given up");
        assert_eq!(sequences(&proposals.next().await), [5]);
        assert_eq!(sequences(&proposals.next().await), [6], "more than a batch, but alone");
        assert_eq!(sequences(&proposals.next().await), [7]);
        assert!(proposals.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_those_refused_are_told() {
        let (proposer, mut proposals) = proposals(10);
        let first = proposer.propose(put(0, 1)).unwrap();
        let waiting: Vec<_> = (1..QUEUE as u64).map(|n| proposer.propose(put(n, 1))).collect();
        assert!(waiting.iter().all(Option::is_some));
        assert!(proposer.propose(put(9, 1)).is_none());
        proposals.refuse_all();
        first.await.unwrap_err();
    }
}
