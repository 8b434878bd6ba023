//! What the examples share, and is no part of their protocols.
//!
//! - [`store`]: a database of redb in a folder of the host, which belongs to one node of one cluster;
//! - [`stopped`]: the same, of a node that does not run, only to be read;
//! - [`identity`]: whose a store is;
//! - [`folder`]: a folder that one process has for itself;
//! - [`prompt`]: commands from a terminal or a pipe;
//! - [`backend`]: below the database, a file of the host, or one of a test.

pub mod backend;
pub mod folder;
pub mod identity;
pub mod prompt;
pub mod stopped;
pub mod store;
