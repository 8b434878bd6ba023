//! What an acceptor must not forget: its promise, and what it has accepted. Nothing of it is answered
//! before it is on disk. Requests that come while the disk is busy are stored together, with one sync.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use example_support::commits::{Commits, Target};
use example_support::identity::Identity;
use example_support::store::Store;
use quorum_runtime::Status;
use quorum_runtime::host::Disk;
use redb::{Durability, ReadableTable as _, Table, TableDefinition};
use tokio::sync::watch;

use super::Ballot;
use crate::error::{StoreError, failed};
use crate::mutant::{Mutant, Mutation};
use crate::paxos::Entry;

const FILE: &str = "log.redb";
const FORMAT: &str = "paxos log 1";

/// From a slot to the ballot under which a batch was accepted, and the batch.
const ACCEPTED: TableDefinition<u64, (u64, &[u8])> = TableDefinition::new("accepted");
const STATE: TableDefinition<&str, u64> = TableDefinition::new("state");
/// The highest ballot that was promised.
const PROMISED: &str = "promised";
/// The first slot that has not been trimmed.
const FIRST: &str = "first";

/// The log of one acceptor. Clones are handles of the same.
#[derive(Clone, Debug)]
pub(crate) struct Log(Commits<Stored>);

#[derive(Debug)]
struct Stored {
    store: Store,
    first: AtomicU64,
    /// Counts the commits, and so the syncs.
    commits: watch::Sender<u64>,
    bytes: AtomicU64,
    mutation: Mutation,
}

/// What is to be stored. Promises only rise, and so do the ballots of a slot: what comes late changes
/// nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Write {
    /// To be promised. Where a higher one is promised already, nothing is accepted either. 0 for what is
    /// chosen, which no promise forbids.
    pub(crate) promised: Ballot,
    pub(crate) accepted: Vec<Entry>,
    /// All slots before this one are forgotten.
    pub(crate) first: u64,
    /// For [`Mutant::WipePromise`].
    pub(crate) wipe: bool,
}

impl Log {
    /// Whether a folder has one.
    pub(crate) fn is_in(disk: &Disk) -> Result<bool, StoreError> {
        Ok(disk.names()?.iter().any(|name| name == FILE))
    }

    /// Opens the log in a folder, which is made where it is missing, and tells the promise that is in it.
    /// Must be called where tasks can be spawned.
    pub(crate) fn open(
        disk: &Disk,
        identity: &Identity,
        mutation: Mutation,
    ) -> Result<(Self, Ballot), StoreError> {
        let store = Store::open_or_create(disk, FILE, FORMAT, identity, |transaction| {
            transaction.open_table(ACCEPTED)?;
            transaction.open_table(STATE)?.insert(FIRST, 1)?;
            Ok(())
        })?;
        let (promised, first) = {
            let state = store.begin_read().map_err(failed)?.open_table(STATE).map_err(failed)?;
            let read = |name| state.get(name).map(|value| value.map_or(0, |v| v.value()));
            (read(PROMISED).map_err(failed)?, read(FIRST).map_err(failed)?)
        };
        let (commits, bytes) = (watch::Sender::new(0), AtomicU64::new(0));
        let stored = Stored { store, first: AtomicU64::new(first), commits, bytes, mutation };
        Ok((Self(Commits::start(stored)), Ballot(promised)))
    }

    /// Queues a write, and gives what completes when it is on disk, with its own ballot; or with the higher
    /// one that was promised before, for which nothing of it was accepted. The order in which writes are stored is the order in which the acceptor has acted.
    ///
    /// # Errors
    ///
    /// If the disk has failed, here and there.
    pub(crate) async fn write(
        &self,
        write: Write,
    ) -> Result<impl Future<Output = Result<Ballot, Status>> + use<>, Status> {
        let (log, promised) = (self.clone(), write.promised);
        let queued = self.0.queue(write).await?;
        Ok(async move {
            if log.0.target().mutation.is(Mutant::AnswerBeforeStoring) {
                return Ok(promised);
            }
            log.0.stored(queued).await
        })
    }

    /// The accepted entries of these slots, in order, and up to about so many bytes: at least one. Waits
    /// for the disk.
    pub(crate) fn entries(
        &self,
        from: u64,
        to: u64,
        bytes: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.0.target().entries(from, to, bytes)
    }

    /// The same, where nothing else may wait.
    pub(crate) async fn read(
        &self,
        from: u64,
        to: u64,
        bytes: usize,
    ) -> Result<Vec<Entry>, Status> {
        self.0.read(move |stored| stored.entries(from, to, bytes)).await
    }

    /// About so many bytes of entries, and up to which slot they are all there are.
    pub(crate) async fn page(&self, from: u64, bytes: usize) -> Result<(Vec<Entry>, u64), Status> {
        let read = self.0.read(move |stored| {
            let entries = stored.entries(from, u64::MAX, bytes)?;
            let last = entries.last().map_or(u64::MAX, |entry| entry.slot);
            let is_all = last == u64::MAX || stored.entries(last + 1, u64::MAX, 0)?.is_empty();
            Ok((entries, if is_all { u64::MAX } else { last }))
        });
        read.await
    }

    /// The first slot that has not been trimmed.
    pub(crate) fn first(&self) -> u64 {
        self.0.target().first.load(Ordering::Acquire)
    }

    /// The number of commits since it was opened, which changes when something was stored.
    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.0.target().commits.subscribe()
    }

    /// The bytes of the entries that were stored since it was opened.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.target().bytes.load(Ordering::Relaxed)
    }

    /// Ends this log and with it the node: something that it needs has failed.
    pub(crate) fn fail(&self, error: StoreError) {
        self.0.fail(error);
    }

    /// Waits until the disk fails, and tells why.
    pub(crate) async fn failure(&self) -> Arc<StoreError> {
        self.0.failure().await
    }
}

impl Target for Stored {
    type Write = Write;
    /// Its own ballot, or the higher one for which nothing of it was accepted.
    type Stored = Ballot;
    type Error = StoreError;

    fn bytes(write: &Write) -> usize {
        write.accepted.iter().map(|entry| entry.batch.len()).sum()
    }

    fn commit(&self, writes: &[Write]) -> Result<Vec<Ballot>, StoreError> {
        let promises = self.store_all(writes).map_err(failed)?;
        self.bytes
            .fetch_add(writes.iter().map(Self::bytes).sum::<usize>() as u64, Ordering::Relaxed);
        self.commits.send_modify(|commits| *commits += 1);
        Ok(promises)
    }
}

impl Stored {
    fn store_all(&self, writes: &[Write]) -> Result<Vec<Ballot>, redb::Error> {
        let mut transaction = self.store.begin_write()?;
        if self.mutation.is(Mutant::NoSync) {
            transaction.set_durability(Durability::None)?;
        }
        let mut promises = Vec::with_capacity(writes.len());
        {
            let mut state = transaction.open_table(STATE)?;
            let mut accepted = transaction.open_table(ACCEPTED)?;
            let before = state.get(PROMISED)?.map_or(0, |promised| promised.value());
            let mut promised = Ballot(before);
            for write in writes {
                let is_late = write.promised != Ballot(0) && write.promised < promised;
                if is_late && !self.mutation.is(Mutant::AcceptBelowPromise) {
                    promises.push(promised);
                    continue;
                }
                promised = promised.max(write.promised);
                promises.push(write.promised);
                accept(&mut accepted, &write.accepted)?;
            }
            if promised.0 > before {
                state.insert(PROMISED, promised.0)?;
            }
            let first = writes.iter().map(|write| write.first).max().unwrap_or(0);
            if first > state.get(FIRST)?.map_or(0, |first| first.value()) {
                state.insert(FIRST, first)?;
                accepted.retain_in(..first, |_, _| false)?;
                self.first.fetch_max(first, Ordering::AcqRel);
            }
            if writes.iter().any(|write| write.wipe) {
                state.insert(PROMISED, 0)?;
                accepted.retain(|_, _| false)?;
            }
        }
        transaction.commit()?;
        Ok(promises)
    }

    fn entries(&self, from: u64, to: u64, bytes: usize) -> Result<Vec<Entry>, StoreError> {
        let table = self.store.begin_read().map_err(failed)?.open_table(ACCEPTED);
        let (mut entries, mut taken) = (Vec::new(), 0);
        for stored in table.map_err(failed)?.range(from..=to).map_err(failed)? {
            let (slot, stored) = stored.map_err(failed)?;
            let (ballot, batch) = stored.value();
            taken += batch.len();
            if taken > bytes && !entries.is_empty() {
                break;
            }
            let batch = Bytes::copy_from_slice(batch);
            entries.push(Entry { slot: slot.value(), ballot, batch });
        }
        Ok(entries)
    }
}

fn accept(
    accepted: &mut Table<'_, u64, (u64, &'static [u8])>,
    entries: &[Entry],
) -> Result<(), redb::Error> {
    for entry in entries {
        if accepted.get(entry.slot)?.is_none_or(|known| known.value().0 < entry.ballot) {
            accepted.insert(entry.slot, (entry.ballot, entry.batch.as_ref()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn open(folder: &Path) -> (Log, Ballot) {
        let disk = Disk::folder(folder).unwrap();
        Log::open(&disk, &Identity::new("c", 1), Mutation::default()).unwrap()
    }

    fn entry(slot: u64, ballot: u64) -> Entry {
        Entry { slot, ballot, batch: format!("{slot} under {ballot}").into() }
    }

    fn accepted(entries: Vec<Entry>) -> Write {
        Write { accepted: entries, ..Write::default() }
    }

    async fn store(log: &Log, write: Write) -> Ballot {
        log.write(write).await.unwrap().await.unwrap()
    }

    fn texts(log: &Log) -> Vec<String> {
        let entries = log.entries(0, u64::MAX, usize::MAX).unwrap();
        entries.iter().map(|e| String::from_utf8_lossy(&e.batch).into_owned()).collect()
    }

    #[tokio::test]
    async fn promises_and_ballots_only_rise_also_across_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        {
            let (log, promised) = open(folder.path());
            assert_eq!(promised, Ballot(0));
            for promised in [5, 9, 7].map(Ballot) {
                store(&log, Write { promised, ..Write::default() }).await;
            }
            store(&log, accepted(vec![entry(1, 5), entry(2, 5)])).await;
            store(&log, accepted(vec![entry(1, 4), entry(2, 6)])).await;
        }
        tokio::task::yield_now().await; // The writer ends, and with it the file is closed.
        let (log, promised) = open(folder.path());
        assert_eq!(promised, Ballot(9));
        assert_eq!(texts(&log), ["1 under 5", "2 under 6"]);
    }

    #[tokio::test]
    async fn nothing_is_accepted_behind_a_higher_promise_but_what_is_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let (log, _) = open(folder.path());
        let under = |ballot, slot| Write {
            promised: Ballot(ballot),
            accepted: vec![entry(slot, ballot)],
            ..Write::default()
        };
        // The second and the third are in the same commit, and in this order.
        assert_eq!(store(&log, under(5, 1)).await, Ballot(5));
        let promise = log.write(Write { promised: Ballot(9), ..Write::default() }).await.unwrap();
        let late = log.write(under(5, 2)).await.unwrap();
        assert_eq!((promise.await.unwrap(), late.await.unwrap()), (Ballot(9), Ballot(9)));
        assert_eq!(store(&log, under(7, 3)).await, Ballot(9));
        store(&log, accepted(vec![entry(4, 7)])).await;
        assert_eq!(store(&log, under(9, 5)).await, Ballot(9));
        assert_eq!(texts(&log), ["1 under 5", "4 under 7", "5 under 9"]);
    }

    #[tokio::test]
    async fn what_waits_together_is_stored_by_few_commits_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (log, _) = open(folder.path());
        let mut waiting = Vec::new();
        for slot in 1..=200 {
            waiting.push(log.write(accepted(vec![entry(slot, 1)])).await.unwrap());
        }
        for stored in waiting {
            stored.await.unwrap();
        }
        assert_eq!(texts(&log).len(), 200);
        assert!(*log.commits().borrow() <= 20, "{} commits", *log.commits().borrow());
    }

    #[tokio::test]
    async fn a_trimmed_log_begins_later_also_across_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        {
            let (log, _) = open(folder.path());
            assert_eq!(log.first(), 1);
            store(&log, accepted((1..=5).map(|slot| entry(slot, 1)).collect())).await;
            for first in [4, 2] {
                store(&log, Write { first, ..Write::default() }).await;
            }
            assert_eq!(texts(&log), ["4 under 1", "5 under 1"]);
        }
        tokio::task::yield_now().await;
        assert_eq!(open(folder.path()).0.first(), 4);
    }

    #[tokio::test]
    async fn a_page_ends_where_it_is_full_and_says_whether_there_is_more() {
        let folder = tempfile::tempdir().unwrap();
        let (log, _) = open(folder.path());
        let large = |slot| Entry { slot, ballot: 1, batch: vec![0; 600].into() };
        store(&log, accepted([1, 2, 4].map(large).into())).await;
        let slots = |entries: &[Entry]| entries.iter().map(|e| e.slot).collect::<Vec<_>>();
        let (page, until) = log.page(1, 1_300).await.unwrap();
        assert_eq!((slots(&page), until), (vec![1, 2], 2));
        let (page, until) = log.page(3, 10).await.unwrap();
        assert_eq!((slots(&page), until), (vec![4], u64::MAX), "at least one");
        assert_eq!(log.page(5, 10).await.unwrap().1, u64::MAX);
    }
}
