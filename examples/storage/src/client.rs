//! The client: an atomic register for each key.
//!
//! Written by anyone (Attiya, Bar-Noy and Dolev: *Sharing Memory Robustly in Message-Passing Systems*, 1995;
//! with several writers as in Lynch and Shvartsman, 1997), by one writer who needs no read phase, or by one
//! who signs, so that up to a third of the servers may lie (Cachin, Guerraoui and Rodrigues: *Introduction
//! to Reliable and Secure Distributed Programming*, 2011, algorithm 4.15; with a write-back, which makes the
//! register atomic).

use quorum_runtime::metadata::MetadataMap;
use quorum_runtime::{
    Configuration, ConfigurationError, Manager, NodeId, QuorumError, RpcError, Status,
};

use crate::database::version;
use crate::limits::{self, TooLarge};
use crate::mutant::{Mutant, Mutation, contacted};
use crate::newest::{Newest, Reading};
use crate::numbers::Numbers;
use crate::signature::Authority;
use crate::storage::{
    Entry, ReadReply, ReadRequest, StorageConfiguration as _, StorageManager as _, Version,
    WriteReply, WriteRequest,
};

/// Who writes, and whom the readers trust.
#[derive(Clone, Debug, Default)]
pub(crate) enum Register {
    /// Anybody writes. A write has a read phase.
    #[default]
    ManyWriters,
    /// This client alone writes, of all who ever wrote at the same time.
    OneWriter,
    /// Servers may lie. One writes, and signs; who has no key to sign with can read.
    Signed(Authority),
}

impl Register {
    /// Whose signatures are verified.
    pub(crate) const fn authority(&self) -> Option<&Authority> {
        match self {
            Self::Signed(authority) => Some(authority),
            Self::ManyWriters | Self::OneWriter => None,
        }
    }
}

/// A client of the store.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) manager: Manager,
    storage: Nodes,
    register: Register,
    writer: u32,
    numbers: Numbers,
    mutation: Mutation,
}

/// Those who are asked: all nodes, or some.
pub(crate) type Nodes = Configuration<Newest>;

type Result<T, E = ClientError> = std::result::Result<T, E>;

/// Why nothing is read or written, or nobody knows whether it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error("{}", .0.message())]
    Refused(#[from] Status),
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    #[error("only the writer can write here, who has the private key: name it with --key")]
    NotTheWriter,
}

impl Client {
    /// A client that calls all nodes of a manager. No other client, now or ever, may have this number
    /// as a writer: two that have it could give the same version to different values.
    pub(crate) fn new(
        manager: Manager,
        register: Register,
        writer: u32,
        mutation: Mutation,
    ) -> Result<Self, ConfigurationError> {
        let among_liars = matches!(register, Register::Signed(_));
        let storage = manager.storage(Newest { among_liars, mutation })?;
        Ok(Self { manager, storage, register, writer, numbers: Numbers::default(), mutation })
    }

    /// The configuration of all nodes.
    pub(crate) const fn storage(&self) -> &Nodes {
        &self.storage
    }

    /// The value under a key: the last one that was written before this began, or one that was written
    /// meanwhile, and none that is older than what another read has returned before.
    ///
    /// What only some of the nodes hold is stored on a quorum before it is returned, so that no later
    /// read misses it.
    pub(crate) async fn read(&self, storage: &Nodes, key: &str) -> Result<Option<String>> {
        let storage = contacted(storage, self.mutation);
        let reading = self.reading(&storage, key).await?;
        let Some(newest) = reading.newest else {
            return Ok(None);
        };
        if !reading.is_agreed && !self.mutation.is(Mutant::SkipWriteBack) {
            self.store(&storage, key, newest.clone()).await?;
        }
        Ok(Some(newest.value))
    }

    /// Reads, and shows what is known at each level: 1, what the first node says, which may be old; 2, what
    /// a quorum says, which is no older than what was written before; 3, what [`read`](Self::read) returns.
    pub(crate) async fn read_by_levels(
        &self,
        storage: &Nodes,
        key: &str,
        mut show: impl FnMut(u32, Option<&str>),
    ) -> Result<()> {
        let call = storage.probe(ReadRequest { key: key.to_owned() });
        let mut call = call.map_replies(self.verified(key));
        while let Some(level) = call.next().await {
            let level = level?;
            let newest = level.value.newest;
            show(level.number, newest.as_ref().map(|entry| entry.value.as_str()));
            if let (2, Some(newest)) = (level.number, newest) {
                self.store(storage, key, newest.clone()).await?;
                show(3, Some(&newest.value));
            }
        }
        Ok(())
    }

    /// Writes a value, for every read that begins after this to find. After an error of a quorum it may
    /// be read or not, until another is written.
    pub(crate) async fn write(&self, storage: &Nodes, key: &str, value: &str) -> Result<()> {
        let storage = contacted(storage, self.mutation);
        let entry = self.newer(&storage, key, value).await?;
        self.store(&storage, key, entry).await
    }

    /// An entry that is newer than what a quorum holds: what a writer who is alone knows after his first
    /// write, and others find out in a read phase.
    pub(crate) async fn newer(&self, storage: &Nodes, key: &str, value: &str) -> Result<Entry> {
        let is_alone = !matches!(self.register, Register::ManyWriters);
        let is_known = is_alone && self.numbers.are_above(key);
        if is_known || self.mutation.is(Mutant::SameVersion) {
            return self.next(key, value, None);
        }
        let reading = self.reading(storage, key).await?;
        let entry = self.next(key, value, reading.newest.as_ref())?;
        // Some of the nodes may not hold what he wrote before he was started again.
        if storage.members() == self.storage.members() {
            self.numbers.remember(key);
        }
        Ok(entry)
    }

    /// Stores an entry on a quorum.
    pub(crate) async fn store(&self, storage: &Nodes, key: &str, entry: Entry) -> Result<()> {
        let version = entry.version;
        let write = storage.write(WriteRequest { key: key.to_owned(), entry: Some(entry) });
        // An answer to another write says nothing of this one.
        let write = write.map_replies(move |_, reply: WriteReply, _| {
            let is_answer = reply.version == version;
            is_answer.then_some(reply).ok_or_else(|| Status::data_loss("answers another write"))
        });
        write.await?;
        Ok(())
    }

    async fn reading(&self, storage: &Nodes, key: &str) -> Result<Reading, QuorumError> {
        let call = storage.read(ReadRequest { key: key.to_owned() });
        call.map_replies(self.verified(key)).await
    }

    /// What looks at each reply once, in the task that awaits the call, before the quorum function sees
    /// it. A reply that is refused counts towards no quorum.
    pub(crate) fn verified(
        &self,
        key: &str,
    ) -> impl FnMut(NodeId, ReadReply, &MetadataMap) -> Result<ReadReply, Status> + Send + 'static
    {
        let trusted = self.register.authority().map(|trusted| (trusted.clone(), key.to_owned()));
        let mutation = self.mutation;
        move |_, reply, _| {
            let (Some((authority, key)), Some(entry)) = (&trusted, &reply.entry) else {
                return Ok(reply);
            };
            authority.verify(key, entry, mutation)?;
            Ok(reply)
        }
    }

    /// The next entry of this writer, which is newer than the one that is known.
    pub(crate) fn next(&self, key: &str, value: &str, known: Option<&Entry>) -> Result<Entry> {
        limits::check(key, value)?;
        let (known, _) = known.map(version).unwrap_or_default();
        let number = self.numbers.next(known);
        let version = Some(Version { number, writer: self.writer });
        let mut entry = Entry { value: value.to_owned(), version, ..Entry::default() };
        if let Register::Signed(authority) = &self.register {
            if !authority.can_write() {
                return Err(ClientError::NotTheWriter);
            }
            authority.sign(key, &mut entry, self.mutation);
        }
        Ok(entry)
    }
}

#[cfg(test)]
mod tests;
