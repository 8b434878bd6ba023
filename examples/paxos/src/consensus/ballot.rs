//! Proposal numbers.

use std::fmt;

/// A proposal number: a round, and the node whose it is. 0 is none.
///
/// The round is in the upper 48 bits and the node in the lower 16, so they are ordered by round first,
/// and no two nodes have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ballot(pub(crate) u64);

const NODE_BITS: u32 = 16;

impl Ballot {
    pub(crate) const fn new(round: u64, node: u32) -> Self {
        Self(round << NODE_BITS | (node as u64 & 0xffff))
    }

    pub(crate) const fn round(self) -> u64 {
        self.0 >> NODE_BITS
    }

    /// 0 for no ballot.
    pub(crate) const fn node(self) -> u32 {
        (self.0 & 0xffff) as u32
    }

    /// The lowest ballot of a node that is higher than this one.
    pub(crate) const fn next(self, node: u32) -> Self {
        Self::new(self.round() + 1, node)
    }
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.round(), self.node())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_ballot_is_higher_than_all_of_its_round() {
        let seen = Ballot::new(7, 65_535);
        assert!(seen.next(1) > seen);
        assert_eq!(seen.next(1), Ballot::new(8, 1));
        assert_eq!(seen.next(1).to_string(), "8.1");
        assert_eq!(Ballot::default().node(), 0);
    }
}
