//! The quorum functions.

use quorum_runtime::{Majority, Replies, Verdict};

use crate::storage::{ReadReply, ReadRequest, StorageQuorumSpec, WriteReply, WriteRequest};
use crate::store::version;

/// Any two majorities share a node, so the newest entry of a majority is at least as new as the last
/// one that a majority stored.
#[derive(Debug)]
pub(crate) struct Newest;

impl StorageQuorumSpec for Newest {
    fn read(&self, _request: &ReadRequest, replies: &Replies<ReadReply>) -> Verdict<ReadReply> {
        if !replies.is_quorum(&Majority) {
            return Verdict::Pending;
        }
        let entries = replies.values().filter_map(|reply| reply.entry.as_ref());
        Verdict::Done(ReadReply { entry: entries.max_by_key(|entry| version(entry)).cloned() })
    }

    fn write(&self, _request: &WriteRequest, replies: &Replies<WriteReply>) -> Verdict<WriteReply> {
        if !replies.is_quorum(&Majority) {
            return Verdict::Pending;
        }
        Verdict::Done(WriteReply { stored: replies.values().all(|reply| reply.stored) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Entry, Version};

    fn reply(value: &str, number: u64) -> ReadReply {
        let version = Some(Version { number, writer: 1 });
        ReadReply { entry: Some(Entry { value: value.to_owned(), version }) }
    }

    fn value(verdict: Verdict<ReadReply>) -> Option<String> {
        match verdict {
            Verdict::Done(reply) => reply.entry.map(|entry| entry.value),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_read_waits_for_a_majority_and_takes_the_newest() {
        let request = ReadRequest { key: "k".to_owned() };
        let replies = Replies::new([0, 1, 2, 3]).with_reply(3, reply("old", 1));
        let replies = replies.with_reply(0, reply("new", 2));
        assert_eq!(Newest.read(&request, &replies), Verdict::Pending);
        let replies = replies.with_reply(1, ReadReply { entry: None });
        assert_eq!(value(Newest.read(&request, &replies)), Some("new".to_owned()));
    }

    #[test]
    fn a_key_that_no_node_of_a_majority_knows_is_not_found() {
        let request = ReadRequest { key: "k".to_owned() };
        let missing = ReadReply { entry: None };
        let replies = Replies::new([0, 1]).with_reply(0, missing.clone()).with_reply(1, missing);
        assert_eq!(value(Newest.read(&request, &replies)), None);
    }
}
