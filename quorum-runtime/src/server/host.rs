use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};

use super::caller::Caller;
use super::certificates::Certificates;
use super::claims::Claims;
use super::clients::Clients;
use super::inbound::Inbound;
use super::limits::Limits;
use super::peer::Peer;
use super::registry::Registry;
use super::stop::Stop;
use super::succession::Succession;
use crate::error::ConnectionError;
use crate::link::{Callee, Connection, Conversation, RequestStream, Reversed, Settings};
use crate::manager::Manager;
use crate::observe::Scope;
use crate::wire::Hello;

/// What all streams of one server share.
#[derive(Debug)]
pub(crate) struct Host {
    pub(super) registry: Registry,
    pub(super) limits: Limits,
    pub(super) claims: Claims,
    pub(super) incarnation: u64,
    /// The nodes that this server knows, if it was told.
    pub(super) manager: Option<Manager>,
    pub(super) clients: Clients,
    pub(super) succession: Arc<Succession>,
    pub(super) stop: Stop,
    /// Who sees what happens.
    pub(super) scope: Scope,
}

/// What a client serves to the nodes that call it back.
#[derive(Debug)]
pub(crate) struct CalledBack(pub(super) Arc<Host>);

impl Callee for CalledBack {
    fn ready(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }

    fn connection(&self) -> Result<Connection, ConnectionError> {
        Err(ConnectionError::new("a client has no sessions"))
    }

    fn handle(
        &self,
        caller: Hello,
        requests: RequestStream,
    ) -> Result<Conversation, ConnectionError> {
        Ok(self.0.handle(caller, requests))
    }
}

impl CalledBack {
    /// Of these methods, as long as what is returned lives.
    pub(crate) fn new(
        registry: Registry,
        max_message_size: usize,
        incarnation: u64,
        scope: Scope,
    ) -> Self {
        Self(Host::of(registry, max_message_size, incarnation, scope))
    }
}

impl Host {
    /// One that has these methods, and knows nobody.
    pub(super) fn of(
        registry: Registry,
        max_message_size: usize,
        incarnation: u64,
        scope: Scope,
    ) -> Arc<Self> {
        let limits = Limits { max_message_size, ..Limits::default() };
        Arc::new(Self {
            registry,
            limits,
            claims: Claims::default(),
            incarnation,
            manager: None,
            clients: Clients::default(),
            succession: Arc::default(),
            stop: Stop::default(),
            scope,
        })
    }

    /// What this server says of itself to those who open a stream.
    pub(super) const fn hello(&self) -> Hello {
        let incarnation = Some(self.incarnation);
        Hello { ours: true, node_id: None, incarnation, stream: None }
    }

    /// Who opens a stream, and the link to it if it can be called back.
    pub(super) fn admit(
        self: &Arc<Self>,
        hello: Hello,
        address: Option<SocketAddr>,
        certificates: Certificates,
    ) -> (Arc<Caller>, Option<Reversed>) {
        let id = hello.node_id.filter(|id| id.get() != 0);
        let mut peer = Peer { id, address, incarnation: hello.incarnation, certificates };
        // A node that has an id of its own is called at its own address.
        if hello.node_id.is_none() || id.is_some() {
            return (Caller::new(self, peer, None), None);
        }
        let (joined, reversed) = self.clients.join(address, hello, &self.settings());
        peer.id = Some(joined.node().id());
        (Caller::new(self, peer, Some(joined)), Some(reversed))
    }

    /// How links to clients behave.
    fn settings(&self) -> Settings {
        let (max_message_size, scope) = (self.limits.max_message_size, self.scope.clone());
        Settings { max_message_size, scope, ..Settings::default() }
    }

    /// Handles the requests of a caller that needs no network.
    pub(super) fn handle(self: &Arc<Self>, caller: Hello, requests: RequestStream) -> Conversation {
        let peer = Peer { id: caller.node_id, incarnation: caller.incarnation, ..Peer::default() };
        let inbound = Inbound::new(requests, Caller::new(self, peer, None), !caller.ours);
        let cut = self.stop.cut();
        Conversation { hello: self.hello(), replies: Box::pin(inbound.take_until(cut)) }
    }
}
