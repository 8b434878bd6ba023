//! Group commit: what is written while one commit is on its way to the disk is stored by the next one, all
//! of it in one transaction with one sync. Nobody is answered before the commit that holds his write.
//!
//! After an error of the disk nobody knows what is stored: nothing is acknowledged from then on.

use std::fmt::{Debug, Display};
use std::mem;
use std::sync::Arc;

use quorum_runtime::{Status, host};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

/// How many writes wait, and are stored by one commit.
const WRITES: usize = 1024;

/// How many bytes they have together.
const BYTES: usize = 16 << 20;

/// What is written to: a map, or a log.
pub trait Target: Debug + Send + Sync + 'static {
    /// What is asked of it.
    type Write: Debug + Send + 'static;
    /// What there is to say of a write that is stored.
    type Stored: Debug + Send + 'static;
    /// Why nothing is stored.
    type Error: Debug + Display + Send + Sync + 'static;

    /// How large a write is.
    fn bytes(write: &Self::Write) -> usize;

    /// Stores all of them in this order, durably, and says something of each.
    ///
    /// # Errors
    ///
    /// If the disk fails. Then it is called no more.
    fn commit(&self, writes: &[Self::Write]) -> Result<Vec<Self::Stored>, Self::Error>;
}

/// The queue of the one task that writes. Clones are handles of the same.
#[derive(Debug)]
pub struct Commits<T: Target> {
    target: Arc<T>,
    queue: mpsc::Sender<Waiting<T>>,
    room: Arc<Semaphore>,
    failure: Failure<T>,
}

type Failure<T> = watch::Sender<Option<Arc<<T as Target>::Error>>>;

#[derive(Debug)]
struct Waiting<T: Target> {
    write: T::Write,
    stored: oneshot::Sender<Result<T::Stored, Status>>,
    /// Given back when it is answered.
    _room: OwnedSemaphorePermit,
}

/// A write that has its place in the order of all.
#[derive(Debug)]
pub struct Queued<S>(oneshot::Receiver<Result<S, Status>>);

impl<T: Target> Commits<T> {
    /// Starts the task, which ends after the last handle. Must be called where tasks can be spawned.
    pub fn start(target: T) -> Self {
        let target = Arc::new(target);
        let (queue, queued) = mpsc::channel(WRITES);
        let (room, failure) = (Arc::new(Semaphore::new(BYTES)), watch::Sender::new(None));
        tokio::spawn(run(Arc::clone(&target), queued, failure.clone()));
        Self { target, queue, room, failure }
    }

    /// Waits for room, and for nothing else.
    ///
    /// # Errors
    ///
    /// If the target has failed.
    pub async fn queue(&self, write: T::Write) -> Result<Queued<T::Stored>, Status> {
        let bytes = u32::try_from(T::bytes(&write).min(BYTES)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await;
        let room = room.map_err(|_| self.refusal())?;
        let (stored, answer) = oneshot::channel();
        let waiting = Waiting { write, stored, _room: room };
        self.queue.send(waiting).await.map_err(|_| self.refusal())?;
        Ok(Queued(answer))
    }

    /// Waits until the write is durable.
    ///
    /// # Errors
    ///
    /// If the target fails; then nobody knows whether it is.
    pub async fn stored(&self, queued: Queued<T::Stored>) -> Result<T::Stored, Status> {
        queued.0.await.map_err(|_| self.refusal())?
    }

    /// Reads what has been committed.
    ///
    /// # Errors
    ///
    /// If the target has failed, or this fails: then it has.
    pub async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&T) -> Result<R, T::Error> + Send + 'static,
    ) -> Result<R, Status> {
        if self.failure.borrow().is_some() {
            return Err(self.refusal());
        }
        let target = Arc::clone(&self.target);
        let found = host::blocking(move || read(&target)).await;
        found.map_err(|error| fail::<T>(&self.failure, error))
    }

    /// What is written to.
    #[must_use]
    pub fn target(&self) -> &T {
        &self.target
    }

    /// Nothing is stored any more: something that belongs to the target has failed.
    pub fn fail(&self, error: T::Error) {
        fail::<T>(&self.failure, error);
    }

    /// Waits until the target fails, and tells why.
    pub async fn failure(&self) -> Arc<T::Error> {
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

impl<T: Target> Clone for Commits<T> {
    fn clone(&self) -> Self {
        Self {
            target: Arc::clone(&self.target),
            queue: self.queue.clone(),
            room: Arc::clone(&self.room),
            failure: self.failure.clone(),
        }
    }
}

async fn run<T: Target>(
    target: Arc<T>,
    mut queued: mpsc::Receiver<Waiting<T>>,
    failure: Failure<T>,
) {
    let mut batch = Vec::new();
    while queued.recv_many(&mut batch, WRITES).await > 0 {
        let (mut writes, mut answers) = (Vec::new(), Vec::new());
        for waiting in mem::take(&mut batch) {
            writes.push(waiting.write);
            answers.push((waiting.stored, waiting._room));
        }
        let target = Arc::clone(&target);
        match host::blocking(move || target.commit(&writes)).await {
            Ok(stored) => {
                for ((answer, _), stored) in answers.into_iter().zip(stored) {
                    // Who has left is not answered.
                    drop(answer.send(Ok(stored)));
                }
            }
            Err(error) => {
                let refused = fail::<T>(&failure, error);
                for (answer, _) in answers {
                    drop(answer.send(Err(refused.clone())));
                }
                return;
            }
        }
    }
}

fn fail<T: Target>(failure: &Failure<T>, error: T::Error) -> Status {
    let refused = refusal(&error);
    failure.send_replace(Some(Arc::new(error)));
    refused
}

fn refusal(error: &impl Display) -> Status {
    Status::internal(format!("the store of this node has failed: {error}"))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use redb::TableDefinition;
    use tokio::task::JoinSet;

    use super::*;
    use crate::backend::WatchedFile;
    use crate::identity::Identity;
    use crate::store::Store;

    const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("table");

    #[derive(Debug)]
    struct Map(Store);

    impl Target for Map {
        type Write = (u64, Vec<u8>);
        type Stored = u64;
        type Error = redb::Error;

        fn bytes(write: &Self::Write) -> usize {
            write.1.len()
        }

        fn commit(&self, writes: &[Self::Write]) -> Result<Vec<u64>, redb::Error> {
            let transaction = self.0.begin_write()?;
            let mut table = transaction.open_table(TABLE)?;
            for (key, value) in writes {
                table.insert(key, value.as_slice())?;
            }
            drop(table);
            transaction.commit()?;
            Ok(writes.iter().map(|write| write.0).collect())
        }
    }

    fn commits() -> (WatchedFile, Commits<Map>) {
        let file = WatchedFile::default();
        let identity = Identity::new("test", 0);
        let store = Store::on(file.clone(), "test 1", &identity, |_| Ok(())).unwrap();
        (file, Commits::start(Map(store)))
    }

    #[tokio::test]
    async fn writes_that_come_together_share_a_sync_that_precedes_their_answers() {
        let (file, commits) = commits();
        let before = file.syncs();
        let mut writes = JoinSet::new();
        for number in 1..=64 {
            let (commits, file) = (commits.clone(), file.clone());
            writes.spawn(async move {
                let queued = commits.queue((number, vec![7])).await.unwrap();
                let syncs = file.syncs();
                assert_eq!(commits.stored(queued).await.unwrap(), number);
                assert!(file.syncs() > syncs, "nothing was synced before the answer");
            });
        }
        writes.join_all().await;
        assert!(file.syncs() - before <= 6, "{} syncs", file.syncs() - before);
        let read =
            commits.read(|map| Ok(map.0.begin_read()?.open_table(TABLE)?.get(64)?.is_some()));
        assert!(read.await.unwrap());
    }

    #[tokio::test]
    async fn what_waits_is_bounded_in_bytes() {
        let (_file, commits) = commits();
        // On one thread the task that writes has no turn before something waits.
        for number in 1..=16 {
            commits.queue((number, vec![7; 1 << 20])).now_or_never().unwrap().unwrap();
        }
        assert!(commits.queue((17, vec![7])).now_or_never().is_none());
        commits.queue((18, vec![7])).await.unwrap();
    }

    #[tokio::test]
    async fn after_a_failure_nothing_is_acknowledged() {
        let (file, commits) = commits();
        file.fail();
        let queued = commits.queue((1, vec![7])).await.unwrap();
        let waiting = commits.queue((2, vec![7])).await.unwrap();
        for write in [queued, waiting] {
            let refused = commits.stored(write).await.unwrap_err();
            assert!(refused.message().contains("the disk of this test fails"), "{refused}");
        }
        commits.failure().await;
        let refused = commits.queue((3, vec![7])).await.unwrap_err();
        assert!(refused.message().contains("the store of this node has failed"), "{refused}");
        commits.read(|_| Ok(())).await.unwrap_err();
    }
}
