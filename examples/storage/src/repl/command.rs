//! What can be said at the prompt.

/// A command. Nodes are named by their numbers, which begin at 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Nodes,
    Exit,
    /// A call to one node.
    Rpc {
        node: u32,
        operation: Operation,
    },
    /// A one-way write to one node.
    Unicast {
        node: u32,
        key: String,
        value: String,
    },
    /// A one-way write to all nodes.
    Multicast {
        key: String,
        value: String,
    },
    /// A quorum call on all nodes.
    QuorumCall {
        operation: Operation,
    },
    /// A quorum call on a configuration of some nodes.
    Configuration {
        nodes: Vec<u32>,
        operation: Operation,
    },
}

/// What a node is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Read { key: String },
    Write { key: String, value: String },
}

/// The text of `help`.
pub(crate) const HELP: &str = "\
help                              this text
nodes                             the nodes and their connections
exit                              leaves (so does the end of the input)

rpc NODE read KEY                 asks one node
rpc NODE write KEY VALUE          writes to one node
ucast NODE KEY VALUE              writes to one node, without an answer
mcast KEY VALUE                   writes to all nodes, without an answer
qc read KEY                       the newest value that a majority of all nodes holds
qc write KEY VALUE                writes to a majority of all nodes
cfg NODES read KEY                the same on some nodes only: their majority decides
cfg NODES write KEY VALUE

NODE is a number as `nodes` shows it. NODES are several: `0,2` or `1:3`, which is 1 and 2.
A key or value with spaces stands in quotes: qc write title \"The Part-Time Parliament\"";
