//! The quorum functions: when enough nodes have answered, and what their answers come to.

use quorum_runtime::{Dissemination, Level, Replies, Verdict};

use crate::database::version;
use crate::mutant::{Mutant, Mutation};
use crate::storage::{Entry, ReadReply, ReadRequest, StorageQuorumSpec, WriteReply, WriteRequest};

/// Any two quorums share a node that has not lied, so the newest entry of a quorum is at least as new as
/// the last one that a quorum stored.
///
/// That node is in any two majorities when nobody lies. When servers may lie it is in any two quorums of
/// `⌊(n + f) / 2⌋ + 1` out of n ≥ 3f + 1, if lies are seen through: what comes here is signed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Newest {
    /// Whether up to a third of the servers may lie.
    pub(crate) among_liars: bool,
    pub(crate) mutation: Mutation,
}

/// What a quorum holds under a key, or those who have answered so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The newest, if any of them holds one.
    pub(crate) newest: Option<Entry>,
    /// Whether all of them hold it, so that each later quorum will meet it.
    pub(crate) is_agreed: bool,
}

impl StorageQuorumSpec for Newest {
    fn read(&self, _request: &ReadRequest, replies: &Replies<ReadReply>) -> Verdict<Reading> {
        let is_enough = self.is_quorum(replies) || self.mutation.is_read_early(replies);
        if is_enough { Verdict::Done(reading(replies)) } else { Verdict::Pending }
    }

    /// Level 1: some node says so. Level 2: the newest of a quorum. Level 3: all of a quorum agree; where
    /// they do not, the client makes them.
    fn probe(
        &self,
        _request: &ReadRequest,
        replies: &Replies<ReadReply>,
    ) -> Verdict<Level<Reading>> {
        let is_quorum = self.is_quorum(replies);
        if replies.is_empty() {
            return Verdict::Pending;
        }
        let reading = reading(replies);
        Verdict::Done(match (is_quorum, reading.is_agreed) {
            (false, _) => Level::new(1, reading),
            (true, is_agreed) => Level::new(if is_agreed { 3 } else { 2 }, reading).last(),
        })
    }

    fn write(&self, _request: &WriteRequest, replies: &Replies<WriteReply>) -> Verdict<WriteReply> {
        let is_enough = self.is_quorum(replies) || self.mutation.is_written_early(replies);
        if !is_enough {
            return Verdict::Pending;
        }
        let stored = replies.values().all(|reply| reply.stored);
        Verdict::Done(WriteReply { stored, ..WriteReply::default() })
    }
}

impl Newest {
    /// The quorums of so many members. Without liars they are the majorities.
    pub(crate) fn system(self, members: usize) -> Dissemination {
        let among_liars = self.among_liars && !self.mutation.is(Mutant::MajorityOfLiars);
        Dissemination { faults: if among_liars { members.saturating_sub(1) / 3 } else { 0 } }
    }

    fn is_quorum<R>(&self, replies: &Replies<R>) -> bool {
        replies.is_quorum(&self.system(replies.members().len()))
    }
}

fn reading(replies: &Replies<ReadReply>) -> Reading {
    let entries = replies.values().map(|reply| reply.entry.as_ref());
    let newest = entries.max_by_key(|entry| entry.map(version)).flatten();
    let is_agreed = replies.values().all(|reply| reply.entry.as_ref() == newest);
    Reading { newest: newest.cloned(), is_agreed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Version;

    const MISSING: ReadReply = ReadReply { entry: None };

    fn holds(value: &str, number: u64) -> ReadReply {
        let version = Some(Version { number, writer: 1 });
        ReadReply { entry: Some(Entry { value: value.to_owned(), version, ..Entry::default() }) }
    }

    /// The value that a read of some nodes comes to, and whether they agree.
    fn read<const N: usize>(
        newest: Newest,
        members: u32,
        replies: [(u32, ReadReply); N],
    ) -> Option<(Option<String>, bool)> {
        let none = Replies::new(0..members);
        let replies =
            replies.into_iter().fold(none, |all, (node, reply)| all.with_reply(node, reply));
        match newest.read(&ReadRequest { key: "k".to_owned() }, &replies) {
            Verdict::Pending => None,
            Verdict::Done(reading) => {
                Some((reading.newest.map(|entry| entry.value), reading.is_agreed))
            }
            Verdict::Failed(reason) => panic!("{reason}"),
        }
    }

    fn write<const N: usize>(
        newest: Newest,
        members: u32,
        replies: [(u32, bool); N],
    ) -> Option<bool> {
        let none = Replies::new(0..members);
        let replies = replies.into_iter().fold(none, |all, (node, stored)| {
            all.with_reply(node, WriteReply { stored, ..WriteReply::default() })
        });
        match newest.write(&WriteRequest::default(), &replies) {
            Verdict::Pending => None,
            Verdict::Done(reply) => Some(reply.stored),
            Verdict::Failed(reason) => panic!("{reason}"),
        }
    }

    #[cfg(feature = "mutants")]
    fn mutant(mutant: Mutant) -> Newest {
        Newest { mutation: mutant.into(), ..Newest::default() }
    }

    #[test]
    fn a_read_waits_for_a_majority_and_takes_the_newest() {
        let (old, new) = (holds("old", 1), holds("new", 2));
        let newest = Newest::default();
        assert_eq!(read(newest, 4, [(3, old.clone()), (0, new.clone())]), None);
        let read = read(newest, 4, [(3, old), (0, new), (1, MISSING)]);
        assert_eq!(read, Some((Some("new".to_owned()), false)));
    }

    #[test]
    fn a_read_knows_whether_all_hold_the_same() {
        let newest = Newest::default();
        let (old, new) = (holds("old", 1), holds("new", 2));
        let agreed = Some((Some("new".to_owned()), true));
        assert_eq!(read(newest, 3, [(0, new.clone()), (2, new.clone())]), agreed);
        assert_eq!(read(newest, 3, [(0, MISSING), (1, MISSING)]), Some((None, true)));
        let apart = Some((Some("new".to_owned()), false));
        assert_eq!(read(newest, 3, [(0, MISSING), (1, new.clone())]), apart);
        assert_eq!(read(newest, 3, [(0, new), (1, old)]), apart);
    }

    #[test]
    fn a_write_waits_for_a_majority() {
        let newest = Newest::default();
        assert_eq!(write(newest, 4, [(0, true), (1, true)]), None);
        assert_eq!(write(newest, 4, [(0, true), (1, true), (2, true)]), Some(true));
        assert_eq!(write(newest, 3, [(0, true), (1, false)]), Some(false));
    }

    #[cfg(feature = "mutants")]
    #[test]
    fn mutants_are_done_too_early() {
        let one = mutant(Mutant::ReadOne);
        assert_eq!(read(one, 5, [(0, MISSING)]), Some((None, true)));
        let minority = mutant(Mutant::WriteMinority);
        assert_eq!(write(minority, 5, [(0, true)]), None);
        assert_eq!(write(minority, 5, [(0, true), (1, true)]), Some(true));
    }

    #[test]
    fn among_liars_a_quorum_is_larger_than_a_majority() {
        let liars = Newest { among_liars: true, ..Newest::default() };
        let sizes = [1, 3, 4, 5, 6, 7, 10].map(|n| liars.system(n).size(n));
        assert_eq!(sizes, [1, 2, 3, 4, 4, 5, 7]);
        let (old, new) = (holds("old", 1), holds("new", 2));
        assert_eq!(read(liars, 4, [(0, old.clone()), (1, old.clone())]), None);
        let met = read(liars, 4, [(0, old.clone()), (1, old), (2, new)]);
        assert_eq!(met, Some((Some("new".to_owned()), false)));
        assert_eq!(write(liars, 4, [(0, true), (1, true)]), None);
    }

    #[test]
    fn a_probe_improves_until_a_quorum_agrees() {
        let probe = |replies: &[(u32, ReadReply)]| {
            let none = Replies::new(0..3);
            let all = |all: Replies<_>, (node, reply): &(u32, ReadReply)| {
                all.with_reply(*node, reply.clone())
            };
            match Newest::default().probe(&ReadRequest::default(), &replies.iter().fold(none, all))
            {
                Verdict::Done(level) => Some((level.number, level.is_last)),
                _ => None,
            }
        };
        let (old, new) = (holds("old", 1), holds("new", 2));
        assert_eq!(probe(&[]), None);
        assert_eq!(probe(&[(0, new.clone())]), Some((1, false)));
        assert_eq!(probe(&[(0, new.clone()), (1, old)]), Some((2, true)));
        assert_eq!(probe(&[(0, new.clone()), (1, new)]), Some((3, true)));
    }
}
