//! Whose a store is: written in the transaction that makes it, and asked for whenever it is opened.

use redb::{ReadTransaction, TableDefinition, TableError, WriteTransaction};

use crate::store::{Reason, redb_error};

const META: TableDefinition<&str, &str> = TableDefinition::new("meta");

/// Whose a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name of the cluster.
    pub cluster: String,
    /// The number of the node in it.
    pub node: u32,
}

impl Identity {
    /// A node of a cluster.
    pub fn new(cluster: impl Into<String>, node: u32) -> Self {
        Self { cluster: cluster.into(), node }
    }
}

/// Whose a store is that is read.
pub(crate) fn read(transaction: &ReadTransaction, format: &str) -> Result<Identity, Reason> {
    let meta = transaction.open_table(META).map_err(redb_error)?;
    let text = |name| -> Result<String, Reason> {
        let found = meta.get(name).map_err(redb_error)?;
        found.map(|found| found.value().to_owned()).ok_or(Reason::NoStore)
    };
    let node = text(NODE)?.parse().map_err(|_| Reason::NoStore)?;
    let identity = Identity { cluster: text(CLUSTER)?, node };
    check(transaction, format, &identity).map(|()| identity)
}

pub(crate) fn write(
    transaction: &WriteTransaction,
    format: &str,
    identity: &Identity,
) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    for (name, value) in entries(format, identity) {
        meta.insert(name, value.as_str())?;
    }
    Ok(())
}

pub(crate) fn check(
    transaction: &ReadTransaction,
    format: &str,
    identity: &Identity,
) -> Result<(), Reason> {
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) => return Err(Reason::NoStore),
        Err(error) => return Err(redb_error(error)),
    };
    for (name, wanted) in entries(format, identity) {
        let Some(found) = meta.get(name).map_err(redb_error)? else {
            return Err(Reason::NoStore);
        };
        let found = found.value().to_owned();
        if found != wanted {
            return Err(match name {
                FORMAT => Reason::Format { found, wanted },
                CLUSTER => Reason::Cluster { found, wanted },
                _ => Reason::Node { found, wanted },
            });
        }
    }
    Ok(())
}

const FORMAT: &str = "format";
const CLUSTER: &str = "cluster";
const NODE: &str = "node";

fn entries(format: &str, identity: &Identity) -> [(&'static str, String); 3] {
    [
        (FORMAT, format.to_owned()),
        (CLUSTER, identity.cluster.clone()),
        (NODE, identity.node.to_string()),
    ]
}
