//! How large what clients store may be. Clients and `Execute` refuse what is larger, with a reason; where
//! it comes as far as the log nevertheless, executing it does nothing, at every node alike.

use crate::paxos::Command;
use crate::paxos::command::Operation;

/// The longest key, in bytes.
pub(crate) const MAX_KEY: usize = 1 << 10;

/// The longest value, in bytes.
pub(crate) const MAX_VALUE: usize = 1 << 20;

/// How many clients are known at a time. Who opens one session more closes the one that was used least
/// recently.
pub(crate) const MAX_SESSIONS: usize = 4096;

/// How many commands a batch may have: their places are 16 bits of the numbers of sessions.
pub(crate) const MAX_BATCH: usize = 1 << 16;

/// Why a command is not executed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the command has no operation")]
    Nothing,
    #[error("the key is empty")]
    NoKey,
    #[error("the key has {0} bytes: the longest that is stored has {MAX_KEY}")]
    Key(usize),
    #[error("the value has {0} bytes: the longest that is stored has {MAX_VALUE}")]
    Value(usize),
}

/// Whether a command is within the limits.
pub(crate) fn check(command: &Command) -> Result<&Operation, Refused> {
    let operation = command.operation.as_ref().ok_or(Refused::Nothing)?;
    let (key, value) = match operation {
        Operation::Put(put) => (&put.key, put.value.len()),
        Operation::Delete(delete) => (&delete.key, 0),
        Operation::Open(_) | Operation::Trim(_) | Operation::Scrub(_) => return Ok(operation),
    };
    match key.len() {
        0 => Err(Refused::NoKey),
        key if key > MAX_KEY => Err(Refused::Key(key)),
        _ if value > MAX_VALUE => Err(Refused::Value(value)),
        _ => Ok(operation),
    }
}
