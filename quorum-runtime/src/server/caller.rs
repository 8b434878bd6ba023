use std::sync::Arc;

use super::clients::Joined;
use super::host::Host;
use super::peer::Peer;
use crate::node::Node;

/// One caller, as the handlers of all its requests know it.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) host: Arc<Host>,
    pub(super) peer: Peer,
    /// A client that can be called back, while it is connected.
    pub(super) joined: Option<Joined>,
}

impl Caller {
    pub(super) fn new(host: &Arc<Host>, peer: Peer, joined: Option<Joined>) -> Arc<Self> {
        Arc::new(Self { host: Arc::clone(host), peer, joined })
    }

    /// Whom to call to call the caller.
    pub(super) fn node(&self) -> Option<Node> {
        if let Some(joined) = &self.joined {
            return Some(joined.node().clone());
        }
        let manager = self.host.manager.as_ref()?;
        manager.node(self.peer.id?).ok()
    }
}
