use std::time::Duration;

use quorum_runtime::{BuildError, Manager, Server, Service};

use crate::guide::{StoreServer, TunedServer};
use crate::{Host, Replica};

/// A server with its copy of the store.
#[derive(Debug)]
pub struct Member {
    host: Host,
    replica: Replica,
}

impl Member {
    /// Starts a server with an empty store.
    pub async fn start() -> Self {
        let replica = Replica::default();
        Self { host: Host::start(server(&replica)).await, replica }
    }

    /// Ends the server at once.
    pub fn kill(&mut self) {
        self.host.kill();
    }

    /// Starts a server that was killed again, with what it had stored.
    pub async fn restart(&mut self) {
        self.host.restart(server(&self.replica)).await;
    }

    /// Lets handlers wait before they answer.
    pub fn hold(&self) {
        self.replica.hold(true);
    }

    /// Lets handlers that wait answer.
    pub fn go_on(&self) {
        self.replica.hold(false);
    }

    /// What it has stored.
    #[must_use]
    pub const fn replica(&self) -> &Replica {
        &self.replica
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.host.address()
    }
}

fn server(replica: &Replica) -> Server {
    Server::builder()
        .service(StoreServer::new(replica.clone()))
        .service(TunedServer::new(replica.clone()))
}

/// Servers with a store each, and a manager that knows them as 1, 2, 3, …
///
/// # Errors
///
/// None.
///
/// # Panics
///
/// When the machine has no port or no thread left.
pub async fn stores<const NODES: usize>() -> Result<([Member; NODES], Manager), BuildError> {
    let mut members = Vec::new();
    for _ in 0..NODES {
        members.push(Member::start().await);
    }
    let members: [Member; NODES] = members.try_into().expect("that many were started");
    let manager = manager(members.iter().map(Member::address))?;
    Ok((members, manager))
}

/// A server with this service, and a manager that knows it as 1.
///
/// # Errors
///
/// None.
///
/// # Panics
///
/// When the machine has no port or no thread left.
pub async fn serve(service: impl Service) -> Result<(Host, Manager), BuildError> {
    let host = Host::start(Server::builder().service(service)).await;
    let manager = manager([host.address()])?;
    Ok((host, manager))
}

/// A manager of these nodes that reconnects quickly.
///
/// # Errors
///
/// When an address is there twice.
pub fn manager(addresses: impl IntoIterator<Item = String>) -> Result<Manager, BuildError> {
    let (min, max) = (Duration::from_millis(10), Duration::from_millis(100));
    Manager::builder().nodes(addresses).reconnect_wait(min, max).build()
}
