//! How large keys and values may be: refused by the client, before anything is sent, and by the server.

use quorum_runtime::Status;

/// The largest value, in bytes.
pub(crate) const VALUE: usize = 1 << 20;

/// The largest key, in bytes.
pub(crate) const KEY: usize = 4 << 10;

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} has {len} bytes, and at most {limit} are stored: split it")]
pub(crate) struct TooLarge {
    what: &'static str,
    len: usize,
    limit: usize,
}

pub(crate) fn check(key: &str, value: &str) -> Result<(), TooLarge> {
    for (what, len, limit) in [("key", key.len(), KEY), ("value", value.len(), VALUE)] {
        if len > limit {
            return Err(TooLarge { what, len, limit });
        }
    }
    Ok(())
}

impl From<TooLarge> for Status {
    fn from(error: TooLarge) -> Self {
        Self::invalid_argument(error.to_string())
    }
}
