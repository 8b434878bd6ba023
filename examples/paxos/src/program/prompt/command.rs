//! What can be said at the prompt.

/// A command. Nodes have the numbers of their places, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Exit,
    Put {
        key: String,
        value: String,
    },
    Get {
        key: String,
    },
    Delete {
        key: String,
    },
    Local {
        node: u32,
        key: String,
    },
    Status,
    Kill {
        node: u32,
    },
    Start {
        node: u32,
    },
    /// Up to a slot, or as far as all has been executed.
    Trim {
        slot: Option<u64>,
    },
    /// Whether the leader is to keep its log meanwhile.
    Sync {
        node: u32,
        hold: bool,
    },
    Compare {
        one: u32,
        other: u32,
    },
}

/// The text of `help`.
pub(crate) const HELP: &str = "\
put KEY VALUE     stores a value
del KEY           removes it
get KEY           the newest value, from the leader
    These take effect one after another, in one order for everybody. `put` and `del` are answered when
    enough nodes have the command on their disks; from then on it is lost by no crash. They are
    executed once, however often they had to be repeated. After an error that says so a command may
    have been executed or not, or may be yet.

local NODE KEY    what one node has, which may be old

status            the nodes: who leads, how far each has come, what its log still has
kill NODE         the node does nothing more, as if its process were killed
start NODE        it starts again, with what is on its disk
trim [SLOT]       all nodes forget the log up to this slot, or as far as they can do without. It is a
                  command in the log, and one that needs those slots has to copy a store then
sync NODE         the node copies the store of another one, which goes on meanwhile. What is chosen
                  meanwhile comes along; the copy takes the place of the old store when it is whole
sync NODE hold    the same, and the leader trims no log while it lasts: it ends however fast the
                  cluster trims, and the log grows
compare A B       the keys in which the stores of two nodes differ, as of one slot of the log

help              this text
exit              leaves (so does the end of the input)

A key or value with spaces stands in quotes: put title \"The Part-Time Parliament\"";
