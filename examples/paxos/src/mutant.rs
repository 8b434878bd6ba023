//! Faults that can be built into a node or a client on purpose, to see whether tests find them.

/// A fault. Each is a difference in one place of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "mutants", derive(clap::ValueEnum))]
pub(crate) enum Mutant {
    /// An acceptor answers before its promise or acceptance is stored.
    AnswerBeforeStoring,
    /// The log commits without a sync.
    NoSync,
    /// An acceptor reports what it has accepted under its promise, not under the ballot of acceptance.
    PromiseAsAcceptance,
    /// An acceptor accepts under a ballot below its promise.
    AcceptBelowPromise,
    /// A candidate uses a ballot before it is stored that it is taken.
    ReuseBallot,
    /// A new leader proposes the first accepted value that it is told of, not that of the highest ballot.
    AnyAccepted,
    /// A new leader proposes its own values where others were accepted already.
    ForgetAccepted,
    /// A batch is chosen when half of the nodes have accepted it.
    HalfAccepts,
    /// A leader answers reads without a lease.
    ReadWithoutLease,
    /// A leader answers reads before it has executed what the last one has.
    ReadBeforeBarrier,
    /// An acceptor that was started again forgets that it may have granted a lease.
    ForgetLease,
    /// Leases are measured by the clock on the wall, which may jump.
    LeaseByWallClock,
    /// A command that is asked again is executed again.
    ExecuteTwice,
    /// The log is trimmed before the map that was made of it is durable.
    TrimBeforeDurable,
    /// A copy leaves out what was chosen while it was made.
    CopyWithoutCommits,
    /// A copy takes the place of the store before it is whole.
    SwapEarly,
    /// A node takes a copy that is older than its own store.
    NoFloor,
    /// A copy wipes the promise and the log of the node.
    WipePromise,
    /// A copy goes on at another provider where it ended at the last one, and commits between are lost.
    ResumeElsewhere,
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

#[cfg(feature = "mutants")]
impl From<Mutant> for Mutation {
    fn from(mutant: Mutant) -> Self {
        Self { mutant: Some(mutant) }
    }
}
