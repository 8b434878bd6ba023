//! Faults that can be built into a node or a client on purpose, to see whether tests find them.

use quorum_runtime::{Any, Configuration, Node, Replies, Threshold};
#[cfg(feature = "mutants")]
use redb::ReadableTable as _;

use crate::newest::Newest;
#[cfg(feature = "mutants")]
use crate::{database, storage::Entry};

/// A fault. Each is a difference in one place of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "mutants", derive(clap::ValueEnum))]
pub(crate) enum Mutant {
    /// A node answers a write before the value is stored.
    AcknowledgeBeforeStoring,
    /// A node answers that a value is stored although storing it has failed.
    AckOnError,
    /// A node commits without a sync.
    NoSync,
    /// A node that starts again keeps the values and forgets their versions.
    ForgetVersionAfterRestart,
    /// A node stores whatever comes, also what is older than what it holds.
    StoreOlder,
    /// A node answers a read with what it has answered to the read before.
    ReplyForAnotherCall,
    /// A read does not write back what only some of the nodes hold.
    SkipWriteBack,
    /// A read is done with the first reply.
    ReadOne,
    /// A write is done when half of the nodes have stored it.
    WriteMinority,
    /// A client asks the nodes to which it is connected, and takes a majority of them for one of all.
    MajorityOverContacted,
    /// A client numbers its writes without asking what the nodes hold.
    SameVersion,
    /// A client takes what servers say for what the writer has signed.
    VerifyNothing,
    /// The signature is of the version and the value alone, so it fits every key.
    SignNoKey,
    /// Quorums are majorities although servers lie.
    MajorityOfLiars,
}

/// The fault that a process has, or none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mutation {
    #[cfg(feature = "mutants")]
    mutant: Option<Mutant>,
}

impl Mutation {
    #[cfg(feature = "mutants")]
    pub(crate) fn is(self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Without the feature there is no fault, and no code of one.
    #[cfg(not(feature = "mutants"))]
    pub(crate) const fn is(self, _mutant: Mutant) -> bool {
        false
    }
}

impl Mutation {
    /// What [`Mutant::ReadOne`] takes for enough.
    pub(crate) fn is_read_early<R>(self, replies: &Replies<R>) -> bool {
        self.is(Mutant::ReadOne) && replies.is_quorum(&Any)
    }

    /// What [`Mutant::WriteMinority`] takes for enough.
    pub(crate) fn is_written_early<R>(self, replies: &Replies<R>) -> bool {
        self.is(Mutant::WriteMinority) && replies.is_quorum(&Threshold(replies.members().len() / 2))
    }
}

#[cfg(feature = "mutants")]
impl From<Mutant> for Mutation {
    fn from(mutant: Mutant) -> Self {
        Self { mutant: Some(mutant) }
    }
}

/// What [`Mutant::ForgetVersionAfterRestart`] does at the start.
#[cfg(feature = "mutants")]
pub(crate) fn forget_versions(database: &database::Database) -> Result<(), redb::Error> {
    use prost::Message as _;

    if !database.mutation.is(Mutant::ForgetVersionAfterRestart) {
        return Ok(());
    }
    let transaction = database.store.begin_write()?;
    let mut table = transaction.open_table(database::ENTRIES)?;
    let mut forgotten = Vec::new();
    for stored in table.iter()? {
        let (key, bytes) = stored?;
        let value = database::decode(key.value(), bytes.value())?.value;
        forgotten.push((key.value().to_owned(), Entry { value, ..Entry::default() }));
    }
    for (key, entry) in forgotten {
        table.insert(key.as_str(), entry.encode_to_vec().as_slice())?;
    }
    drop(table);
    Ok(transaction.commit()?)
}

/// The configuration itself; for [`Mutant::MajorityOverContacted`] its fastest majority, as if that were
/// all.
pub(crate) fn contacted(
    storage: &Configuration<Newest>,
    mutation: Mutation,
) -> Configuration<Newest> {
    if !mutation.is(Mutant::MajorityOverContacted) {
        return storage.clone();
    }
    let connected = storage.targets().iter().filter(|node| node.connection_state().is_connected());
    let contacted: Vec<_> = connected.map(Node::id).collect();
    if contacted.is_empty() {
        return storage.clone();
    }
    storage.with_members(contacted).unwrap_or_else(|_| storage.clone())
}
