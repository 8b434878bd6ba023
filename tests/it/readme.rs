//! The program of the README compiles, runs and is short.

use quorum_tests::eventually;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) mod register {
    quorum_runtime::include_proto!("register");
}

#[allow(dead_code, reason = "a build script is compiled here, not run")]
mod build_script {
    include!(concat!(env!("OUT_DIR"), "/readme/build.rs"));
}

#[allow(unreachable_pub, reason = "the README's program is a library of its own")]
mod program {
    // The README says `crate::register`, which is where its program keeps it.
    pub(super) mod server {
        include!(concat!(env!("OUT_DIR"), "/readme/src/server.rs"));
    }
    pub(super) mod client {
        include!(concat!(env!("OUT_DIR"), "/readme/src/client.rs"));
    }
}

/// Ports that were free a moment ago.
async fn free_addresses() -> [String; 3] {
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    [0, 1, 2].map(|index: usize| listeners[index].local_addr().unwrap().to_string())
}

#[tokio::test]
async fn its_client_reads_what_it_wrote_from_its_servers() {
    let addresses = free_addresses().await;
    let mut servers = JoinSet::new();
    // One of the three is down, as the README says it may be.
    for address in &addresses[..2] {
        let address = address.clone();
        servers.spawn(async move { program::server::serve(&address).await.unwrap() });
    }
    for address in &addresses[..2] {
        eventually("the server listens", || std::net::TcpStream::connect(address).is_ok()).await;
    }
    let state = program::client::write_and_read(addresses).await.unwrap();
    assert_eq!(state.value, "hello");
}

#[test]
fn it_takes_less_than_sixty_lines() {
    let folder = concat!(env!("OUT_DIR"), "/readme/");
    let lines =
        |path: &str| std::fs::read_to_string(format!("{folder}{path}")).unwrap().lines().count();
    let program = ["proto/register.proto", "build.rs", "src/server.rs", "src/client.rs"].map(lines);
    assert!(program.iter().sum::<usize>() < 60, "{program:?}");
}
