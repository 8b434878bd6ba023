//! What the examples share, and is no part of their protocols.
//!
//! - [`store`]: a database of redb in a folder of the host, which belongs to one node of one cluster;
//! - [`stopped`]: the same, of a node that does not run, only to be read;
//! - [`commits`]: group commit, one sync for all who wait;
//! - [`identity`]: whose a store is;
//! - [`membership`]: who is refused, of another node or cluster, with other settings or another version;
//! - [`folder`]: a folder that one process has for itself;
//! - [`output`]: lines, for as long as somebody reads them;
//! - [`prompt`]: commands from a terminal or a pipe;
//! - [`tls`]: the options for it;
//! - [`process`]: servers as processes that are killed;
//! - [`backend`]: below the database, a file of the host, or one of a test.

pub mod backend;
mod checked;
pub mod commits;
#[cfg(test)]
mod damage_tests;
pub mod folder;
mod header;
pub mod identity;
pub mod membership;
pub mod output;
pub mod process;
pub mod prompt;
mod rehearsal;
pub mod stopped;
pub mod store;
pub mod tls;
