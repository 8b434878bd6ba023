use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::call::ReplyTo;
use crate::link::delivery::Outgoing;

/// The requests that were handed to the connection and may still be answered.
#[derive(Debug, Default)]
pub(super) struct Pending(HashMap<u64, Asked, BuildHasherDefault<Spread>>);

/// A request that may still be answered.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) awaited: Awaited,
    /// The node was told the deadline.
    pub(super) told: bool,
    pub(super) ordered: bool,
    /// How many one-way messages were handed to the connection before.
    pub(super) behind: u64,
}

#[derive(Debug)]
pub(super) enum Awaited {
    Once(ReplyTo),
    Stream(ReplyTo),
    /// The whole request, which is sent again when the connection breaks.
    Again(Box<Outgoing>),
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn insert(&mut self, sequence: u64, asked: Asked) {
        self.0.insert(sequence, asked);
    }

    pub(super) fn remove(&mut self, sequence: u64) -> Option<Asked> {
        self.0.remove(&sequence)
    }

    /// Takes all, in the order of the calls: so a lost connection is reported, and requests are sent
    /// again.
    pub(super) fn take_all(&mut self) -> impl DoubleEndedIterator<Item = Asked> + use<> {
        let mut all: Vec<_> = std::mem::take(&mut self.0).into_iter().collect();
        all.sort_unstable_by_key(|(sequence, _)| *sequence);
        all.into_iter().map(|(_, asked)| asked)
    }

    /// Gives back room for more than so many, if there is far more than is needed.
    pub(super) fn shrink(&mut self, most_kept: usize) {
        if self.0.capacity() > most_kept.max(8 * self.0.len()) {
            self.0.shrink_to(most_kept / 2);
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

/// A hash of sequence numbers. This process draws them itself, so none is made to meet another.
#[derive(Clone, Copy, Debug, Default)]
struct Spread(u64);

impl Hasher for Spread {
    #[inline]
    fn write_u64(&mut self, number: u64) {
        // Both halves of the product, because a table looks at the lowest bits of a hash and at the
        // highest, and the numbers of the calls that reach one node may have a common factor.
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}
