//! The server: one copy of the map, and what is answered from it.

use std::sync::{Arc, Mutex, PoisonError};

use quorum_runtime::{Call, Status, host};
use tokio::sync::watch;

use crate::database::{Database, DatabaseError};
use crate::mutant::{Mutant, Mutation};
use crate::storage::{self, Entry, ReadReply, ReadRequest, WriteReply, WriteRequest};

/// One copy of the map. Clones are handles of the same copy.
///
/// Once its database has failed, nobody knows what is in it: everything is refused from then on, and
/// [`failure`](Self::failure) tells why, so that the process can end.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    database: Arc<Database>,
    failure: watch::Sender<Option<Arc<DatabaseError>>>,
    mutation: Mutation,
    /// For [`Mutant::ReplyForAnotherCall`].
    previous: Arc<Mutex<ReadReply>>,
}

impl storage::Storage for Store {
    async fn read(&self, _call: Call, request: ReadRequest) -> Result<ReadReply, Status> {
        let entry = self.with_database(move |database| database.get(&request.key)).await?;
        let mut reply = ReadReply { entry };
        if self.mutation.is(Mutant::ReplyForAnotherCall) {
            let mut previous = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut reply, &mut previous);
        }
        Ok(reply)
    }

    async fn write(&self, _call: Call, request: WriteRequest) -> Result<WriteReply, Status> {
        let WriteRequest { key, entry } = request;
        let entry = entry.ok_or_else(|| Status::invalid_argument("the entry is missing"))?;
        if self.mutation.is(Mutant::AcknowledgeBeforeStoring) {
            let store = self.clone();
            tokio::spawn(async move { store.store(key, entry).await });
            return Ok(WriteReply { stored: true });
        }
        Ok(WriteReply { stored: self.store(key, entry).await? })
    }

    async fn put(&self, _call: Call, request: WriteRequest) {
        let WriteRequest { key, entry } = request;
        if let Some(entry) = entry {
            // A failure is told by `failure`; the caller wants no answer.
            drop(self.store(key, entry).await);
        }
    }
}

impl Store {
    pub(crate) fn new(database: Database, mutation: Mutation) -> Self {
        let failure = watch::Sender::new(None);
        Self { database: Arc::new(database), failure, mutation, previous: Arc::default() }
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

    async fn store(&self, key: String, entry: Entry) -> Result<bool, Status> {
        let stored = self.with_database(move |database| database.store(&key, &entry)).await;
        if self.mutation.is(Mutant::AckOnError) {
            return Ok(true);
        }
        stored
    }

    async fn with_database<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, Status> {
        if let Some(error) = &*self.failure.borrow() {
            return Err(refusal(error));
        }
        let database = Arc::clone(&self.database);
        host::blocking(move || work(&database)).await.map_err(|error| {
            let refused = refusal(&error);
            if !self.mutation.is(Mutant::AckOnError) {
                self.failure.send_replace(Some(Arc::new(error)));
            }
            refused
        })
    }
}

fn refusal(error: &DatabaseError) -> Status {
    Status::internal(format!("the store of this node has failed: {error}"))
}
