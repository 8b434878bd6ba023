use std::collections::VecDeque;

use crate::wire::Envelope;

/// Requests of one stream that may wait for their turn, and their bytes. At either limit no
/// further one is read.
const MAX_REQUESTS: usize = 1024;
const MAX_BYTES: usize = 1024 * 1024;

/// Requests that were read and wait for their turn.
///
/// A server reads ahead of the turn, because what comes behind may need none: a request of an unordered
/// method, or the word that a call is not wanted any more.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    requests: VecDeque<Envelope>,
    bytes: usize,
}

impl Waiting {
    pub(super) fn has_room(&self) -> bool {
        self.requests.len() < MAX_REQUESTS && self.bytes < MAX_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    pub(super) fn push(&mut self, request: Envelope) {
        self.bytes += request.encoded_len();
        self.requests.push_back(request);
    }

    pub(super) fn pop(&mut self) -> Option<Envelope> {
        let request = self.requests.pop_front()?;
        self.bytes -= request.encoded_len();
        Some(request)
    }

    /// Takes a request out of the order, if it still waits.
    pub(super) fn remove(&mut self, sequence: u64) {
        if let Some(at) = self.requests.iter().position(|request| request.sequence == sequence)
            && let Some(request) = self.requests.remove(at)
        {
            self.bytes -= request.encoded_len();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn request(sequence: u64, bytes: usize) -> Envelope {
        Envelope { sequence, payload: Bytes::from(vec![0; bytes]), ..Envelope::default() }
    }

    #[test]
    fn requests_wait_in_order_and_one_can_be_taken_out() {
        let mut waiting = Waiting::default();
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
        let mut waiting = Waiting::default();
        for sequence in 0..MAX_REQUESTS as u64 {
            assert!(waiting.has_room());
            waiting.push(request(sequence, 0));
        }
        assert!(!waiting.has_room());
        waiting.clear();
        waiting.push(request(1, MAX_BYTES));
        assert!(!waiting.has_room());
        waiting.remove(1);
        assert!(waiting.has_room());
    }
}
