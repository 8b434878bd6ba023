//! How clients find the servers, and speak with one of them, past the register.

use std::time::Duration;

use example_support::membership::{Caller, Terms};
use quorum_runtime::metadata::MetadataMap;
use quorum_runtime::{ConfigurationError, Manager, ManagerBuilder, Node};

use crate::client::{Client, ClientError};
use crate::node::PROTOCOL;
use crate::storage::{Entry, ReadRequest, StorageNode as _};

/// Connections to all servers of a cluster, numbered from 0 in the order of their addresses.
pub(crate) fn connect(cluster: &str, addresses: &[String], timeout: Duration) -> ManagerBuilder {
    let caller = Caller::new(Terms::new(cluster, PROTOCOL));
    let builder = Manager::builder().timeout(timeout).intercept(caller);
    (0..).zip(addresses).fold(builder, |b, (id, address)| b.node(id, address))
}

impl Client {
    pub(crate) fn node(&self, id: u32) -> Result<Node, ConfigurationError> {
        self.manager.node(id)
    }

    pub(crate) fn nodes(&self) -> Vec<Node> {
        self.manager.nodes()
    }

    /// What one node holds.
    pub(crate) async fn held_by(
        &self,
        node: &Node,
        key: &str,
    ) -> Result<Option<Entry>, ClientError> {
        let reply = node.read(ReadRequest { key: key.to_owned() }).await?;
        Ok(self.verified(key)(node.id(), reply, &MetadataMap::new())?.entry)
    }

    /// An entry that is newer than what one node holds.
    pub(crate) async fn newer_at(
        &self,
        node: &Node,
        key: &str,
        value: &str,
    ) -> Result<Entry, ClientError> {
        let held = self.held_by(node, key).await?;
        self.next(key, value, held.as_ref())
    }
}
