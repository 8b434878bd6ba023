//! Group commit: what is written while one commit is on its way to the disk is stored by the next one, all
//! of it in one transaction with one sync. Nobody is answered before the commit that holds his write.
//!
//! After an error of the disk nobody knows what is stored: nothing is acknowledged from then on.

use std::mem;
use std::sync::Arc;

use quorum_runtime::{Status, host};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::database::{Database, DatabaseError};
use crate::storage::Entry;

/// How many writes wait, and are stored by one commit.
const WRITES: usize = 1024;

/// How many bytes they have together.
const BYTES: usize = 16 << 20;

/// The queue of the one task that writes. Clones are handles of the same.
#[derive(Clone, Debug)]
pub(crate) struct Commits {
    database: Arc<Database>,
    queue: mpsc::Sender<Write>,
    room: Arc<Semaphore>,
    failure: watch::Sender<Option<Arc<DatabaseError>>>,
}

#[derive(Debug)]
struct Write {
    key: String,
    entry: Entry,
    stored: oneshot::Sender<Result<bool, Status>>,
    /// Given back when it is answered.
    _room: OwnedSemaphorePermit,
}

/// A write that has its place in the order of all.
#[derive(Debug)]
pub(crate) struct Queued(oneshot::Receiver<Result<bool, Status>>);

impl Commits {
    /// Starts the task. It ends after the last handle.
    pub(crate) fn start(database: Database) -> Self {
        let database = Arc::new(database);
        let (queue, queued) = mpsc::channel(WRITES);
        let (room, failure) = (Arc::new(Semaphore::new(BYTES)), watch::Sender::new(None));
        tokio::spawn(run(Arc::clone(&database), queued, failure.clone()));
        Self { database, queue, room, failure }
    }

    /// Waits for room, and for nothing else.
    pub(crate) async fn queue(&self, key: String, entry: Entry) -> Result<Queued, Status> {
        let bytes = key.len() + entry.value.len() + entry.signature.len();
        let bytes = u32::try_from(bytes.min(BYTES)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await;
        let room = room.map_err(|_| self.refusal())?;
        let (stored, answer) = oneshot::channel();
        let write = Write { key, entry, stored, _room: room };
        self.queue.send(write).await.map_err(|_| self.refusal())?;
        Ok(Queued(answer))
    }

    /// Whether the entry is what is stored now. It is durable.
    pub(crate) async fn stored(&self, queued: Queued) -> Result<bool, Status> {
        queued.0.await.map_err(|_| self.refusal())?
    }

    /// What is stored under a key.
    pub(crate) async fn get(&self, key: String) -> Result<Option<Entry>, Status> {
        if self.failure.borrow().is_some() {
            return Err(self.refusal());
        }
        let database = Arc::clone(&self.database);
        let entry = host::blocking(move || database.get(&key)).await;
        entry.map_err(|error| fail(&self.failure, error))
    }

    /// Waits until the database fails, and tells why.
    pub(crate) async fn failure(&self) -> Arc<DatabaseError> {
        let mut failure = self.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        match failed {
            Some(error) => error,
            // Never: this handle holds the sender.
            None => std::future::pending().await,
        }
    }

    fn refusal(&self) -> Status {
        match &*self.failure.borrow() {
            Some(error) => refusal(error),
            None => Status::unavailable("this node ends"),
        }
    }
}

async fn run(
    database: Arc<Database>,
    mut queued: mpsc::Receiver<Write>,
    failure: watch::Sender<Option<Arc<DatabaseError>>>,
) {
    let mut batch = Vec::new();
    while queued.recv_many(&mut batch, WRITES).await > 0 {
        let (database, writes) = (Arc::clone(&database), mem::take(&mut batch));
        let (writes, stored) = host::blocking(move || {
            let entries = writes.iter().map(|write| (write.key.as_str(), &write.entry));
            let stored = database.store(entries);
            (writes, stored)
        })
        .await;
        match stored {
            Ok(stored) => {
                for (write, stored) in writes.into_iter().zip(stored) {
                    // Who has left is not answered.
                    drop(write.stored.send(Ok(stored)));
                }
            }
            Err(error) => {
                let refused = fail(&failure, error);
                for write in writes {
                    drop(write.stored.send(Err(refused.clone())));
                }
                return;
            }
        }
    }
}

fn fail(failure: &watch::Sender<Option<Arc<DatabaseError>>>, error: DatabaseError) -> Status {
    let refused = refusal(&error);
    failure.send_replace(Some(Arc::new(error)));
    refused
}

fn refusal(error: &DatabaseError) -> Status {
    Status::internal(format!("the store of this node has failed: {error}"))
}

#[cfg(test)]
mod tests {
    use example_support::backend::WatchedFile;
    use futures::FutureExt as _;
    use tokio::task::JoinSet;

    use super::*;
    use crate::mutant::Mutation;
    use crate::storage::Version;

    fn commits(file: &WatchedFile) -> Commits {
        Commits::start(Database::on(file.clone(), Mutation::default()).unwrap())
    }

    fn entry(number: u64, value: &str) -> Entry {
        let version = Some(Version { number, writer: 1 });
        Entry { value: value.to_owned(), version, ..Entry::default() }
    }

    #[tokio::test]
    async fn writes_that_come_together_share_a_sync_that_precedes_their_answers() {
        let file = WatchedFile::default();
        let commits = commits(&file);
        let before = file.syncs();
        let mut writes = JoinSet::new();
        for number in 1..=64 {
            let (commits, file) = (commits.clone(), file.clone());
            writes.spawn(async move {
                let queued = commits.queue(format!("k{}", number % 8), entry(number, "v"));
                let queued = queued.await.unwrap();
                let syncs = file.syncs();
                assert!(commits.stored(queued).await.unwrap());
                assert!(file.syncs() > syncs, "nothing was synced before the answer");
            });
        }
        writes.join_all().await;
        assert!(file.syncs() - before <= 6, "{} syncs", file.syncs() - before);
        assert_eq!(commits.get("k0".to_owned()).await.unwrap().unwrap(), entry(64, "v"));
    }

    #[tokio::test]
    async fn what_waits_is_bounded_in_bytes() {
        let file = WatchedFile::default();
        let commits = commits(&file);
        let value = "v".repeat(1 << 20);
        // On one thread the task that writes has no turn before something waits.
        for number in 1..=15 {
            let queued = commits.queue("k".to_owned(), entry(number, &value)).now_or_never();
            queued.unwrap().unwrap();
        }
        let queued = commits.queue("k".to_owned(), entry(16, &value));
        assert!(queued.now_or_never().is_none());
        commits.queue("k".to_owned(), entry(17, &value)).await.unwrap();
    }

    #[tokio::test]
    async fn after_a_failure_nothing_is_acknowledged() {
        let file = WatchedFile::default();
        let commits = commits(&file);
        file.fail();
        let queued = commits.queue("k".to_owned(), entry(1, "v")).await.unwrap();
        let waiting = commits.queue("l".to_owned(), entry(1, "v")).await.unwrap();
        for write in [queued, waiting] {
            let refused = commits.stored(write).await.unwrap_err();
            assert!(refused.message().contains("the disk of this test fails"), "{refused}");
        }
        commits.failure().await;
        let refused = commits.queue("k".to_owned(), entry(2, "v")).await.unwrap_err();
        assert!(refused.message().contains("the store of this node has failed"), "{refused}");
        commits.get("k".to_owned()).await.unwrap_err();
    }
}
