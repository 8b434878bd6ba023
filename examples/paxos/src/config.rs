//! What a node is told before it starts.

use std::path::PathBuf;
use std::time::Duration;

use example_support::identity::Identity;

use crate::mutant::Mutation;

/// How many keys a copy gets at a time: with more, small ones would take too long to write.
pub(crate) const CHUNK_KEYS: u32 = 2_000;

/// The settings of a node. Those of the [`Agreement`] are the same at all nodes and clients.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) agreement: Agreement,
    /// The number of this node: its place among the peers, from 1.
    pub(crate) id: u32,
    /// The addresses of all nodes.
    pub(crate) peers: Vec<String>,
    /// Where its data is.
    pub(crate) folder: PathBuf,
    /// Whether the folder may be empty. A node that has lost its disk must not begin anew by itself: it
    /// would forget its promises.
    pub(crate) new: bool,
    /// How many slots a leader proposes before the first of them is chosen.
    pub(crate) window: usize,
    /// How many bytes of commands a leader puts into a slot.
    pub(crate) batch_bytes: usize,
    /// How many executed slots stay in the log for nodes that lag.
    pub(crate) keep: u64,
    /// How many more there are when they are trimmed. 0: only when an operator says so.
    pub(crate) trim_every: u64,
    /// How many keys it asks for at a time when it copies a store.
    pub(crate) chunk_keys: u32,
    /// Drawn anew whenever a process begins: it tells processes apart, and is the source of the waits that
    /// are drawn at random.
    pub(crate) seed: u64,
    /// How fast its clock runs, for simulations: 1 is right.
    pub(crate) clock_rate: f64,
    pub(crate) mutation: Mutation,
}

impl Config {
    /// Whose its data is.
    pub(crate) fn identity(&self) -> Identity {
        Identity::new(self.agreement.cluster.clone(), self.id)
    }
}

/// What all nodes and clients of a cluster must agree on. It goes with every request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Agreement {
    /// The name of the cluster.
    pub(crate) cluster: String,
    pub(crate) nodes: usize,
    /// How many nodes a candidate needs, and how many have to accept: together more than there are, so
    /// that any two such groups share a node (Howard, Malkhi and Spiegelman: *Flexible Paxos*, 2016).
    pub(crate) prepare_quorum: usize,
    pub(crate) accept_quorum: usize,
    /// For how long an acceptor promises the leader to promise nothing to others.
    pub(crate) lease: Duration,
    /// By how much a clock may run too fast or too slow: 0.01 is one in a hundred.
    pub(crate) drift: f64,
}
