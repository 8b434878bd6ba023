//! The server: one copy of the map, and what is answered from it. It knows nothing of other servers.

use std::sync::{Arc, Mutex, PoisonError};

use example_support::commits::{Commits, Queued};
use quorum_runtime::{Call, Status};

use crate::database::Database;
use crate::limits;
use crate::mutant::{Mutant, Mutation};
use crate::signature::Authority;
use crate::storage::{self, ReadReply, ReadRequest, WriteReply, WriteRequest};

/// One copy of the map. Clones are handles of the same copy.
///
/// Once its database has failed everything is refused, and [`failure`](Self::failure) tells why, so that
/// the process can end.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    commits: Commits<Database>,
    /// Without one, anybody may write.
    authority: Option<Authority>,
    mutation: Mutation,
    /// For [`Mutant::ReplyForAnotherCall`].
    previous: Arc<Mutex<ReadReply>>,
}

impl storage::Storage for Store {
    async fn read(&self, _call: Call, request: ReadRequest) -> Result<ReadReply, Status> {
        let mut reply =
            ReadReply { entry: self.commits.read(move |map| map.get(&request.key)).await? };
        if self.mutation.is(Mutant::ReplyForAnotherCall) {
            let mut previous = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut reply, &mut previous);
        }
        Ok(reply)
    }

    async fn probe(&self, call: Call, request: ReadRequest) -> Result<ReadReply, Status> {
        self.read(call, request).await
    }

    async fn write(&self, call: Call, request: WriteRequest) -> Result<WriteReply, Status> {
        let version = request.entry.as_ref().and_then(|entry| entry.version);
        let queued = self.queue(request).await?;
        // Its place is certain, and what comes behind it may join the same commit.
        call.release();
        if self.mutation.is(Mutant::AcknowledgeBeforeStoring) {
            return Ok(WriteReply { stored: true, version });
        }
        let stored = self.commits.stored(queued).await;
        if self.mutation.is(Mutant::AckOnError) {
            return Ok(WriteReply { stored: true, version });
        }
        Ok(WriteReply { stored: stored?, version })
    }

    async fn put(&self, _call: Call, request: WriteRequest) {
        // A failure is told by `failure`; the caller wants no answer.
        if let Ok(queued) = self.queue(request).await {
            drop(self.commits.stored(queued).await);
        }
    }
}

impl Store {
    /// Must be called where tasks can be spawned.
    pub(crate) fn new(
        database: Database,
        authority: Option<Authority>,
        mutation: Mutation,
    ) -> Self {
        let commits = Commits::start(database);
        Self { commits, authority, mutation, previous: Arc::default() }
    }

    /// Waits until the database fails, and tells why.
    pub(crate) async fn failure(&self) -> Arc<redb::Error> {
        self.commits.failure().await
    }

    async fn queue(&self, request: WriteRequest) -> Result<Queued<bool>, Status> {
        let WriteRequest { key, entry } = request;
        let entry = entry.ok_or_else(|| Status::invalid_argument("the entry is missing"))?;
        limits::check(&key, &entry.value)?;
        if let Some(authority) = &self.authority {
            authority.verify(&key, &entry, self.mutation)?;
        }
        self.commits.queue((key, entry)).await
    }
}
