use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::Instant;

use super::registry::HandlerId;
use crate::wire::{Entry, Envelope};

/// Requests that were read and wait for their turn.
///
/// A server reads ahead of the turn, because what comes behind may need none: a request of an unordered
/// method, or the word that a call is not wanted any more.
#[derive(Debug)]
pub(super) struct Waiting {
    requests: VecDeque<Accepted>,
    bytes: usize,
    /// Requests that may wait, and their bytes. At either limit no further one is read.
    max_requests: usize,
    max_bytes: usize,
}

/// A request that was read, and when its caller gives up.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) sequence: u64,
    pub(super) entries: Vec<Entry>,
    pub(super) payload: Bytes,
    pub(super) deadline: Option<Instant>,
    pub(super) handler: HandlerId,
}

impl Accepted {
    /// A request that has just come. The name that came with it goes: it is a part of the whole message,
    /// and would keep that in memory.
    pub(super) fn new(envelope: Envelope, handler: HandlerId) -> Self {
        let Envelope { sequence, entries, timeout, payload, .. } = envelope;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Self { sequence, entries, payload, deadline, handler }
    }

    /// What it holds.
    fn bytes(&self) -> usize {
        let of_entry = |entry: &Entry| size_of::<Entry>() + entry.key.len() + entry.value.len();
        self.payload.len() + self.entries.iter().map(of_entry).sum::<usize>()
    }

    /// Whether the caller has given up meanwhile.
    pub(super) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|at| at <= Instant::now())
    }
}

impl Waiting {
    pub(super) const fn new(max_requests: usize, max_bytes: usize) -> Self {
        Self { requests: VecDeque::new(), bytes: 0, max_requests, max_bytes }
    }

    pub(super) fn has_room(&self) -> bool {
        self.requests.len() < self.max_requests && self.bytes < self.max_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    pub(super) fn push(&mut self, request: Accepted) {
        self.bytes += request.bytes();
        self.requests.push_back(request);
    }

    pub(super) fn pop(&mut self) -> Option<Accepted> {
        let request = self.requests.pop_front()?;
        self.bytes -= request.bytes();
        Some(request)
    }

    /// Takes a request out of the order, if it still waits.
    pub(super) fn remove(&mut self, sequence: u64) {
        let is_it = |request: &Accepted| request.sequence == sequence;
        if let Some(at) = self.requests.iter().position(is_it)
            && let Some(request) = self.requests.remove(at)
        {
            self.bytes -= request.bytes();
        }
    }

    pub(super) fn clear(&mut self) {
        self.requests.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::registry::Registry;
    use crate::server::service::Handler;

    /// A handler that is never begun.
    fn nobody() -> HandlerId {
        let mut registry = Registry::default();
        registry.add_handler(Handler::idle("a.B.C"));
        registry.find(b"a.B.C").unwrap()
    }

    fn request(sequence: u64, bytes: usize) -> Accepted {
        let payload = Bytes::from(vec![0; bytes]);
        let envelope = Envelope { sequence, payload, ..Envelope::default() };
        Accepted::new(envelope, nobody())
    }

    #[test]
    fn requests_wait_in_order_and_one_can_be_taken_out() {
        let mut waiting = Waiting::new(4, 1000);
        for sequence in 1..=4 {
            waiting.push(request(sequence, 10));
        }
        waiting.remove(2);
        waiting.remove(7);
        let mut left = Vec::new();
        while let Some(request) = waiting.pop() {
            left.push(request.sequence);
        }
        assert_eq!(left, [1, 3, 4]);
        assert!(waiting.is_empty());
        assert_eq!(waiting.bytes, 0);
    }

    #[test]
    fn room_is_limited_in_number_and_in_bytes() {
        let mut waiting = Waiting::new(4, 1000);
        for sequence in 0..4 {
            assert!(waiting.has_room());
            waiting.push(request(sequence, 0));
        }
        assert!(!waiting.has_room());
        waiting.clear();
        waiting.push(request(1, 1000));
        assert!(!waiting.has_room());
        waiting.remove(1);
        assert!(waiting.has_room());
    }
}
