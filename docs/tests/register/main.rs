//! The program of the chapter 'First call in five minutes' and the tests of 'Testing your protocol', as
//! their reader has them. `book.rs` compares them with the chapters.

#![allow(
    missing_docs,
    clippy::ignored_unit_patterns,
    clippy::unwrap_used,
    reason = "as in the chapters"
)]

mod mended;

use std::sync::Mutex;

use quorum_runtime::{Call, Majority, Manager, Replies, Server, Status, Verdict};
use register::{Register, RegisterConfiguration as _, RegisterManager as _};
use register::{RegisterQuorumSpec, RegisterServer, State};

mod register {
    quorum_runtime::include_proto!("register");
}

/// A server: one copy of the register.
#[derive(Default)]
struct Replica(Mutex<State>);

impl Register for Replica {
    async fn read(&self, _: Call, _: ()) -> Result<State, Status> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn write(&self, _: Call, new: State) -> Result<(), Status> {
        let mut state = self.0.lock().unwrap();
        if new.version > state.version {
            *state = new;
        }
        Ok(())
    }
}

/// The client's rules: when replies are enough, and what they mean together.
struct Newest;

impl RegisterQuorumSpec for Newest {
    fn read(&self, _: &(), replies: &Replies<State>) -> Verdict<State> {
        if !replies.is_quorum(&Majority) {
            return Verdict::Pending;
        }
        replies.values().max_by_key(|state| state.version).cloned().into()
    }
    // `write` is left out: it waits for a majority.
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut addresses = Vec::new();
    for _ in 0..3 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        addresses.push(listener.local_addr()?.to_string());
        let server = Server::builder().service(RegisterServer::new(Replica::default()));
        tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    }

    let register = Manager::builder().nodes(addresses).build()?.register(Newest)?;
    register.write(State { version: 1, value: "hello".into() }).await?;
    let state = register.read(()).await?;
    println!("{} (version {})", state.value, state.version);
    Ok(())
}

#[cfg(test)]
mod simulated;
