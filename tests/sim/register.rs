//! The service of the examples in the documentation, and a cluster of it.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the examples")]

use std::time::Duration;

use quorum_runtime::sim::{Host, Result};
use quorum_runtime::{Majority, Manager, Server};

include!("../../quorum-runtime/doc/support.rs");

pub(crate) async fn node(host: Host) -> Result {
    let server = Server::builder().service(RegisterServer::new(Replica::new()));
    Ok(server.serve(host.address()).await?)
}

pub(crate) async fn client(host: Host) -> Result {
    let manager = Manager::builder()
        .nodes(host.nodes())
        .timeout(Duration::from_secs(1))
        .keep_alive(Duration::from_millis(300), Duration::from_millis(300))
        .build()?;
    let register = manager.register(Majority)?;
    for version in 1..=50 {
        let written = register.write(State::new(version, "text")).await;
        host.note(format!("wrote {version}: {}", written.is_ok()));
    }
    host.healed().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    register.read(()).await?;
    Ok(())
}
