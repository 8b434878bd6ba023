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
    /// A read that shows what is known as nodes answer.
    Levels {
        key: String,
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

qc read KEY                       the value, as a quorum of all nodes has it
qc write KEY VALUE                writes to a quorum of all nodes
    These take effect one after another, in one order for everybody. After an error a write may
    have taken effect or not. A quorum is a majority; with --byzantine it is larger, and that holds
    although up to a third of the nodes, less one, may lie.

levels KEY                        reads, and shows what is known as nodes answer:
    level 1, what one node says, which may be old; level 2, what a quorum says, which is no older
    than what was written before; level 3, what `qc read` answers.

cfg NODES read KEY                the same among some nodes only: their majority decides
cfg NODES write KEY VALUE
    What holds for `qc` holds here among those who name the same nodes.

rpc NODE read KEY                 what one node holds, which may be old
rpc NODE write KEY VALUE          writes to one node; others may never learn of it
ucast NODE KEY VALUE              the same, without an answer
mcast KEY VALUE                   writes to all nodes, without an answer
    After these a value may be read or not, like after a `qc write` with an error.

A server that was started with `--data` says that it has written when the value is on its disk.
Without, it holds its values in memory.

NODE is a number as `nodes` shows it. NODES are several: `0,2` or `1:3`, which is 1 and 2.
A key or value with spaces stands in quotes: qc write title \"The Part-Time Parliament\"";
