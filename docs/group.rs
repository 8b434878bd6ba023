use std::time::Duration;

use quorum_runtime::{All, Manager, Server, Service};
use tokio::net::TcpListener;

/// Processes that know each other as 1, 2, 3, …, each with a manager and a server of what `services`
/// makes. They run in this runtime.
///
/// # Panics
///
/// When they can't be started.
pub async fn group<S: Service>(count: u32, services: impl Fn() -> S) -> Vec<Manager> {
    let mut ports = Vec::new();
    for _ in 0..count {
        ports.push(TcpListener::bind("127.0.0.1:0").await.expect("a port"));
    }
    let address = |port: &TcpListener| port.local_addr().expect("an address").to_string();
    let addresses: Vec<_> = ports.iter().map(address).collect();
    let mut managers = Vec::new();
    for (id, listener) in (1..).zip(ports) {
        let manager = Manager::builder().nodes(&addresses).local(id);
        let manager = manager.timeout(Duration::from_secs(20)).build().expect("a manager");
        let server = Server::builder().service(services()).peers(&manager);
        tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
        managers.push(manager);
    }
    for manager in &managers {
        manager.ready(&All).await.expect("all are there");
    }
    managers
}
