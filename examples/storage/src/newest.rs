//! The quorum functions.

use quorum_runtime::{Any, Majority, Replies, Threshold, Verdict};

use crate::database::version;
use crate::mutant::{Mutant, Mutation};
use crate::storage::{Entry, ReadReply, ReadRequest, StorageQuorumSpec, WriteReply, WriteRequest};

/// Any two majorities share a node, so the newest entry of a majority is at least as new as the last
/// one that a majority stored.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Newest(pub(crate) Mutation);

/// What a majority holds under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The newest, if any of them holds one.
    pub(crate) newest: Option<Entry>,
    /// Whether all of them hold it, so that each later majority will meet it.
    pub(crate) is_agreed: bool,
}

impl StorageQuorumSpec for Newest {
    fn read(&self, _request: &ReadRequest, replies: &Replies<ReadReply>) -> Verdict<Reading> {
        let is_enough = if self.0.is(Mutant::ReadOne) {
            replies.is_quorum(&Any)
        } else {
            replies.is_quorum(&Majority)
        };
        if !is_enough {
            return Verdict::Pending;
        }
        let entries = replies.values().map(|reply| reply.entry.as_ref());
        let newest = entries.max_by_key(|entry| entry.map(version)).flatten();
        let is_agreed = replies.values().all(|reply| reply.entry.as_ref() == newest);
        Verdict::Done(Reading { newest: newest.cloned(), is_agreed })
    }

    fn write(&self, _request: &WriteRequest, replies: &Replies<WriteReply>) -> Verdict<WriteReply> {
        let half = Threshold(replies.members().len() / 2);
        let is_enough = if self.0.is(Mutant::WriteMinority) {
            replies.is_quorum(&half)
        } else {
            replies.is_quorum(&Majority)
        };
        if !is_enough {
            return Verdict::Pending;
        }
        Verdict::Done(WriteReply { stored: replies.values().all(|reply| reply.stored) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Version;

    const MISSING: ReadReply = ReadReply { entry: None };

    fn holds(value: &str, number: u64) -> ReadReply {
        let version = Some(Version { number, writer: 1 });
        ReadReply { entry: Some(Entry { value: value.to_owned(), version }) }
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
        let replies = replies
            .into_iter()
            .fold(none, |all, (node, stored)| all.with_reply(node, WriteReply { stored }));
        match newest.write(&WriteRequest::default(), &replies) {
            Verdict::Pending => None,
            Verdict::Done(reply) => Some(reply.stored),
            Verdict::Failed(reason) => panic!("{reason}"),
        }
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
        let one = Newest(Mutant::ReadOne.into());
        assert_eq!(read(one, 5, [(0, MISSING)]), Some((None, true)));
        let minority = Newest(Mutant::WriteMinority.into());
        assert_eq!(write(minority, 5, [(0, true)]), None);
        assert_eq!(write(minority, 5, [(0, true), (1, true)]), Some(true));
    }
}
