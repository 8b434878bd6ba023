//! The map against a model of it, and through crashes.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::limits::{MAX_KEY, MAX_SESSIONS, MAX_VALUE, Refused, check};
use super::*;
use crate::paxos::command::Operation;
use crate::paxos::outcome::Result as Came;
use crate::paxos::{Command, Delete, Open, Put, Session};

fn identity() -> Identity {
    Identity::new("test", 1)
}

fn open(folder: &Path) -> Map {
    Map::open(folder, &identity(), true, Mutation::default()).unwrap()
}

pub(crate) fn command(session: u64, sequence: u64, operation: Operation) -> Command {
    Command { session, sequence, operation: Some(operation) }
}

pub(crate) fn put(key: &str, value: &str) -> Operation {
    Operation::Put(Put { key: key.to_owned(), value: value.to_owned() })
}

fn delete(key: &str) -> Operation {
    Operation::Delete(Delete { key: key.to_owned() })
}

fn opens(nonce: u64) -> Operation {
    Operation::Open(Open { nonce })
}

impl Map {
    /// Executes a batch in the next slot.
    fn next(&mut self, commands: impl IntoIterator<Item = Command>) -> Vec<Option<Came>> {
        let commands = commands.into_iter().collect();
        let slots = [(self.applied() + 1, Batch { commands })];
        let outcomes = self.execute(&slots).unwrap().remove(0);
        outcomes.into_iter().map(|outcome| outcome.result).collect()
    }

    fn one(&mut self, session: u64, sequence: u64, operation: Operation) -> Option<Came> {
        self.next([command(session, sequence, operation)]).remove(0)
    }

    fn open_session(&mut self, nonce: u64) -> u64 {
        match self.one(0, 0, opens(nonce)) {
            Some(Came::Opened(number)) => number,
            other => panic!("{other:?}"),
        }
    }
}

/// All that is in a map.
type Contents = (u64, BTreeMap<String, String>, Vec<Session>);

fn contents(snapshot: &Snapshot) -> Contents {
    let mut pairs = BTreeMap::new();
    let read = snapshot.read("", |key, value| {
        pairs.insert(key.to_owned(), value.to_owned());
        true
    });
    read.unwrap();
    assert_eq!(snapshot.keys().unwrap(), pairs.len() as u64);
    (snapshot.applied(), pairs, snapshot.sessions().unwrap())
}

fn all(map: &mut Map) -> Contents {
    contents(&map.snapshot().unwrap())
}

/// The process is killed: nobody closes its files.
fn killed(map: Map, folder: &Path) -> Map {
    let file = std::fs::read(folder.join(FILE)).unwrap();
    drop(map);
    std::fs::write(folder.join(FILE), file).unwrap();
    open(folder)
}

#[test]
fn commands_are_executed_in_order_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut map = open(folder.path());
    let reader = map.reader();
    let me = map.open_session(7);
    assert_eq!(me, 1 << 16);
    assert_eq!(map.open_session(7), me, "the same client, which was not answered");

    assert_eq!(map.one(me, 1, put("k", "1")), Some(Came::Replaced(false)));
    assert_eq!(map.one(me, 1, put("k", "again")), Some(Came::Replaced(false)));
    assert_eq!(reader.get("k").unwrap().unwrap(), "1");
    let both = map.next([command(me, 2, put("k", "2")), command(me, 3, delete("k"))]);
    assert_eq!(both, [Some(Came::Replaced(true)), Some(Came::Replaced(true))]);
    assert_eq!((reader.get("k").unwrap(), reader.keys()), (None, 0));

    assert_eq!(map.one(me, 2, put("k", "late")), Some(Came::Expired(true)));
    assert_eq!(map.one(99, 1, put("k", "unknown")), Some(Came::Expired(true)));
    assert_eq!(reader.keys(), 0);
    let slot = map.applied() + 1;
    assert_eq!(map.one(0, 0, Operation::Trim(2)), Some(Came::Slot(3)));
    assert_eq!(map.one(0, 0, Operation::Trim(u64::MAX)), Some(Came::Slot(slot + 1)));
    assert_eq!(map.one(0, 0, Operation::Scrub(5)), Some(Came::Slot(slot + 2)));
    let gap = map.execute(&[(slot + 9, Batch::default())]).unwrap_err().to_string();
    assert_eq!(gap, format!("slot {} was to be executed before slot {}", slot + 9, slot + 3));
}

#[test]
fn the_session_that_was_used_least_recently_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let mut map = open(folder.path());
    let (first, second) = (map.open_session(1), map.open_session(2));
    map.next((3..=MAX_SESSIONS as u64).map(|nonce| command(0, 0, opens(nonce))));
    assert_eq!(map.one(first, 1, put("k", "v")), Some(Came::Replaced(false)));
    map.open_session(10_000);
    assert_eq!(map.one(second, 1, delete("k")), Some(Came::Expired(true)));
    assert_eq!(map.one(first, 2, delete("k")), Some(Came::Replaced(true)));
    assert_eq!(map.snapshot().unwrap().sessions().unwrap().len(), MAX_SESSIONS);
    assert_ne!(map.open_session(2), second, "it is no longer known");
}

#[test]
fn what_is_over_the_limits_is_not_executed_and_uses_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut map = open(folder.path());
    let me = map.open_session(1);
    let (long, large) = ("k".repeat(MAX_KEY + 1), "v".repeat(MAX_VALUE + 1));
    for (operation, why) in [
        (Some(put("", "v")), Refused::NoKey),
        (Some(delete("")), Refused::NoKey),
        (Some(put(&long, "v")), Refused::Key(long.len())),
        (Some(put("k", &large)), Refused::Value(large.len())),
        (None, Refused::Nothing),
    ] {
        let command = Command { session: me, sequence: 1, operation };
        assert_eq!(check(&command).unwrap_err(), why);
        assert_eq!(map.next([command]), [None]);
    }
    assert_eq!(map.one(me, 1, put(&long[1..], &large[1..])), Some(Came::Replaced(false)));
}

#[test]
fn a_crash_goes_back_to_what_was_made_durable() {
    let folder = tempfile::tempdir().unwrap();
    let mut map = open(folder.path());
    let me = map.open_session(1);
    map.one(me, 1, put("k", "1"));
    map.persist().unwrap();
    assert_eq!((map.applied(), map.durable()), (2, 2));
    let durable = all(&mut map);
    map.one(me, 2, put("k", "2"));
    assert_eq!((map.applied(), map.durable()), (3, 2));
    let lost = all(&mut map);

    let mut map = killed(map, folder.path());
    assert_eq!((map.applied(), map.durable()), (2, 2));
    assert_eq!(all(&mut map), durable);
    map.one(me, 2, put("k", "2"));
    assert_eq!(all(&mut map), lost, "the log is executed again");
}

#[test]
fn a_map_is_made_only_for_a_new_node() {
    let folder = tempfile::tempdir().unwrap();
    let open = |node, new| {
        let map = Map::open(folder.path(), &Identity::new("test", node), new, Mutation::default());
        map.map_err(|error| error.to_string())
    };
    let missing = open(1, false).unwrap_err();
    assert!(missing.starts_with("map.redb: "), "{missing}");
    open(1, true).unwrap();
    open(1, false).unwrap();
    let other = open(2, false).unwrap_err();
    assert!(other.starts_with("map.redb: it belongs to node 1, and this is node 2"), "{other}");
}

mod copies {
    use std::cell::Cell;
    use std::rc::Rc;

    use quorum_runtime::sim::Host;

    use super::*;
    use crate::paxos::{Entry, Pair};

    fn pair(key: &str, value: &str) -> Pair {
        Pair { key: key.to_owned(), value: value.to_owned() }
    }

    fn entry(slot: u64, operation: Operation) -> Entry {
        let batch = Batch { commands: vec![command(0, 0, operation)] };
        let batch = prost::Message::encode_to_vec(&batch).into();
        Entry { slot, ballot: 0, batch }
    }

    fn copy(folder: &Path) -> Copy {
        try_copy(folder).unwrap()
    }

    fn try_copy(folder: &Path) -> Result<Copy, StoreError> {
        let session = Session { number: 5, nonce: 6, ..Session::default() };
        let mut copy = Copy::begin(folder, &identity(), 10, &[session], Mutation::default())?;
        copy.add(&[], &[pair("a", "1"), pair("b", "1")])?;
        copy.add(&[entry(11, delete("a")), entry(12, put("c", "2"))], &[])?;
        Ok(copy)
    }

    fn pairs(map: &mut Map) -> Vec<(String, String)> {
        all(map).1.into_iter().collect()
    }

    fn of(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_finished_copy_takes_the_place_of_the_map_at_once_and_durably() {
        let folder = tempfile::tempdir().unwrap();
        let mut map = open(folder.path());
        map.one(0, 0, put("old", "0"));
        let (reader, old) = (map.reader(), map.snapshot().unwrap());
        let copy = copy(folder.path());
        assert_eq!(pairs(&mut map), of(&[("old", "0")]), "until then all stays as it is");
        assert!(map.adopt(copy.finish().unwrap(), trimmed).unwrap());

        assert_eq!((map.applied(), map.durable()), (12, 12));
        let new = of(&[("b", "1"), ("c", "2")]);
        assert_eq!(pairs(&mut map), new);
        assert_eq!((reader.get("old").unwrap(), reader.keys()), (None, 2));
        assert_eq!(old.get("old").unwrap().unwrap(), "0", "who reads the old map goes on");
        assert_eq!(map.open_session(6), 5, "sessions come along");
        let mut map = killed(map, folder.path());
        assert_eq!((map.applied(), pairs(&mut map)), (12, new));
    }

    #[test]
    fn a_copy_that_was_not_finished_is_removed_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let mut map = open(folder.path());
        map.one(0, 0, put("old", "0"));
        map.persist().unwrap();
        drop((map, copy(folder.path())));
        let mut map = open(folder.path());
        assert_eq!(pairs(&mut map), of(&[("old", "0")]));
        assert_eq!(Disk::folder(folder.path()).unwrap().names().unwrap(), [FILE]);
    }

    fn trimmed(_: u64, _: u64) -> Result<Vec<Entry>, StoreError> {
        Ok(Vec::new())
    }

    #[test]
    fn a_copy_that_is_older_is_brought_forward_by_the_log_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut map = open(folder.path());
        while map.applied() < 14 {
            map.next([]);
        }
        assert!(!map.adopt(copy(folder.path()).finish().unwrap(), trimmed).unwrap());
        assert_eq!((map.applied(), pairs(&mut map)), (14, vec![]));

        let copied = copy(folder.path()).finish().unwrap();
        // A slot at a time, as a log that is read in groups.
        let log = |from: u64, _| Ok(vec![entry(from, put(&format!("slot {from}"), "3"))]);
        assert!(map.adopt(copied, log).unwrap());
        assert_eq!((map.applied(), map.durable()), (14, 14));
        let new = [("b", "1"), ("c", "2"), ("slot 13", "3"), ("slot 14", "3")];
        assert_eq!(pairs(&mut map), of(&new));
        assert_eq!(pairs(&mut killed(map, folder.path())), of(&new));
    }

    /// What the test knows whatever becomes of the process.
    #[derive(Default)]
    struct Known {
        adopted: Cell<bool>,
        is_broken: Cell<bool>,
    }

    /// Step by step, so that each step can be killed in its first write; and then as often as it starts.
    async fn step_by_step(host: Host, known: Rc<Known>) -> quorum_runtime::sim::Result {
        let folder: &Path = "/data".as_ref();
        let pause = || tokio::time::sleep(std::time::Duration::from_millis(10));
        let mut map = Map::open(folder, &identity(), true, Mutation::default())?;
        if map.applied() > 0 || known.adopted.get() {
            let is_new = (map.applied(), pairs(&mut map)) == (12, of(&[("b", "1"), ("c", "2")]));
            known.is_broken.set(!is_new);
        } else if host.starts() == 1 {
            pause().await;
            let copy = try_copy(folder)?;
            pause().await;
            let copied = copy.finish()?;
            pause().await;
            map.adopt(copied, trimmed)?;
            known.adopted.set(true);
            pause().await;
            Disk::folder(folder)?.open("other")?.write_at(b"to be killed in", 0)?;
        }
        std::future::pending().await
    }

    #[test]
    fn a_crash_leaves_the_old_map_or_the_whole_new_one() {
        for seed in 0..120 {
            let at = 5 + seed % 5 * 10;
            let mut sim = quorum_runtime::sim::Simulation::new(seed);
            let faults = format!("{at}ms crash 1 in write; 100ms start 1; 200ms heal");
            let known = Rc::new(Known::default());
            let seen = Rc::clone(&known);
            sim.schedule(faults.parse().unwrap());
            sim.nodes(1, move |host| step_by_step(host, Rc::clone(&seen)));
            sim.clients(1, async |host| {
                host.healed().await;
                Ok(())
            });
            sim.run().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert!(!known.is_broken.get(), "seed {seed}");
        }
    }

    #[test]
    fn a_copy_with_a_gap_is_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let mut copy = copy(folder.path());
        copy.add(&[entry(14, delete("b"))], &[]).unwrap();
        let error = copy.finish().unwrap_err().to_string();
        assert_eq!(error, "slot 14 was to be executed before slot 13");
    }
}

/// What a map is to do, as simply as it can be said.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) pairs: BTreeMap<String, String>,
    /// By number: the nonce, the last sequence number, and what came of it.
    sessions: BTreeMap<u64, (u64, u64, Option<Came>)>,
}

impl Model {
    pub(crate) fn execute(&mut self, slot: u64, index: usize, command: &Command) -> Option<Came> {
        let Command { session, sequence, operation } = command;
        let operation = operation.as_ref().unwrap();
        if let Operation::Open(Open { nonce }) = operation {
            let known = self.sessions.iter().find(|(_, session)| session.0 == *nonce);
            let number = known.map_or(slot << 16 | index as u64, |(number, _)| *number);
            self.sessions.entry(number).or_insert((*nonce, 0, None));
            return Some(Came::Opened(number));
        }
        if *session != 0 {
            match self.sessions.get(session) {
                Some((_, last, came)) if last == sequence => return *came,
                Some((_, last, _)) if last < sequence => {}
                _ => return Some(Came::Expired(true)),
            }
        }
        let came = Some(Came::Replaced(match operation {
            Operation::Put(put) => self.pairs.insert(put.key.clone(), put.value.clone()).is_some(),
            Operation::Delete(delete) => self.pairs.remove(&delete.key).is_some(),
            _ => unreachable!(),
        }));
        if let Some((_, last, result)) = self.sessions.get_mut(session) {
            (*last, *result) = (*sequence, came);
        }
        came
    }
}

/// Sessions are drawn by their place among those which can be there.
fn commands() -> impl Strategy<Value = Command> {
    let key = || (0..6_u8).prop_map(|key| format!("k{key}"));
    let operation = prop_oneof![
        4 => (key(), any::<u16>()).prop_map(|(key, value)| put(&key, &value.to_string())),
        2 => key().prop_map(|key| delete(&key)),
        1 => (0..4_u64).prop_map(opens),
    ];
    let session = prop_oneof![Just(0), (1..4_u64).prop_map(|slot| slot << 16), Just(1 << 16 | 1)];
    (session, 0..6_u64, operation)
        .prop_map(|(session, sequence, operation)| command(session, sequence, operation))
}

/// What is done between slots.
#[derive(Clone, Debug)]
enum Between {
    Nothing,
    Persist,
    /// A flush begins, and may be overtaken.
    Flush,
    /// A flush that has begun ends.
    Flushed,
    Snapshot,
    Kill,
}

fn between() -> impl Strategy<Value = Between> {
    prop_oneof![
        4 => Just(Between::Nothing),
        1 => Just(Between::Persist),
        3 => Just(Between::Flush),
        2 => Just(Between::Flushed),
        1 => Just(Between::Snapshot),
        1 => Just(Between::Kill),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is executed, however often the process is killed in between: the answers are those of the
    /// model, and so is what is there at the end, in any grouping into transactions.
    #[test]
    fn the_map_does_what_its_model_does(
        slots in proptest::collection::vec((proptest::collection::vec(commands(), 0..5), between()), 1..25),
    ) {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mut map, mut model) = (open(folder.path()), Model::default());
        let log: Vec<_> = (1..).zip(&slots).map(|(slot, (commands, _))| {
            (slot, Batch { commands: commands.clone() })
        }).collect();
        let (mut answers, mut flush) = (Vec::new(), None);
        for ((slot, batch), (_, between)) in log.iter().zip(&slots) {
            let commands = batch.commands.iter().enumerate();
            let expected: Vec<_> = commands.map(|(index, command)| {
                model.execute(*slot, index, command)
            }).collect();
            // After a crash what was lost is executed again, in one group with this slot.
            let next = map.applied() as usize;
            let outcomes = map.execute(&log[next..*slot as usize]).unwrap();
            let came = |outcomes: &Vec<Outcome>| {
                outcomes.iter().map(|outcome| outcome.result).collect::<Vec<_>>()
            };
            answers.truncate(next);
            answers.extend(outcomes.iter().map(came));
            prop_assert_eq!(answers.last().unwrap(), &expected);
            match between {
                Between::Nothing => {}
                Between::Persist => map.persist().unwrap(),
                Between::Flush => flush = Some(map.flush()),
                Between::Flushed => if let Some(flush) = Option::<Flush>::take(&mut flush) {
                    map.flushed(flush.run().unwrap());
                },
                Between::Snapshot => prop_assert_eq!(&all(&mut map).1, &model.pairs),
                Between::Kill => {
                    flush = None;
                    map = killed(map, folder.path());
                    continue;
                }
            }
            let reader = map.reader();
            prop_assert_eq!(reader.keys(), model.pairs.len() as u64);
            for key in (0..6).map(|key| format!("k{key}")) {
                prop_assert_eq!(reader.get(&key).unwrap(), model.pairs.get(&key).cloned());
            }
        }
        let next = map.applied() as usize;
        map.execute(&log[next..]).unwrap();
        let (_, pairs, sessions) = all(&mut map);
        prop_assert_eq!(pairs, model.pairs);
        let known: BTreeMap<_, _> = sessions.into_iter().map(|session| {
            let came = session.outcome.and_then(|outcome| outcome.result);
            (session.number, (session.nonce, session.sequence, came))
        }).collect();
        prop_assert_eq!(known, model.sessions);

        // Another node, which executes all of it at once.
        let mut once = open(other.path());
        let outcomes = once.execute(&log).unwrap();
        let outcomes: Vec<Vec<_>> = outcomes.iter().map(|outcomes| {
            outcomes.iter().map(|outcome| outcome.result).collect()
        }).collect();
        prop_assert_eq!(outcomes, answers);
        prop_assert_eq!(all(&mut once), all(&mut map));
    }
}

#[cfg(feature = "mutants")]
mod mutants {
    use super::*;

    #[test]
    fn execute_twice_does() {
        let folder = tempfile::tempdir().unwrap();
        let mutation = Mutant::ExecuteTwice.into();
        let mut map = Map::open(folder.path(), &identity(), true, mutation).unwrap();
        let me = map.open_session(1);
        map.one(me, 1, put("k", "1"));
        assert_eq!(map.one(me, 1, put("k", "1")), Some(Came::Replaced(true)));
    }

    #[test]
    fn trim_before_durable_says_that_all_is_durable() {
        let folder = tempfile::tempdir().unwrap();
        let mutation = Mutant::TrimBeforeDurable.into();
        let mut map = Map::open(folder.path(), &identity(), true, mutation).unwrap();
        map.next([]);
        assert_eq!(map.durable(), 1);
    }
}
