use std::time::Duration;

use quorum_runtime::sim::{Host, Result, Simulation};
use quorum_runtime::{Manager, Server};

use crate::guide::{StoreConfiguration as _, StoreManager as _, StoreServer};
use crate::{Newest, Replica, entry, key};

/// Puts the store on so many simulated nodes, with one client that writes to it and reads.
pub fn cluster(sim: &mut Simulation, nodes: u32) {
    sim.nodes(nodes, node).clients(1, client);
}

async fn node(host: Host) -> Result {
    let server = Server::builder().service(StoreServer::new(Replica::default()));
    Ok(server.serve(host.address()).await?)
}

async fn client(host: Host) -> Result {
    let manager = Manager::builder()
        .nodes(host.nodes())
        .timeout(Duration::from_millis(500))
        .keep_alive(Duration::from_millis(200), Duration::from_millis(200))
        .build()?;
    let store = manager.store(Newest)?;
    for version in 1..=5 {
        let written = store.write(entry(&format!("v{version}"), version)).await;
        host.note(format!("version {version} was written: {}", written.is_ok()));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    host.healed().await;
    while store.read(key("k")).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
