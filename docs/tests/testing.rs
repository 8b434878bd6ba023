//! The code of the chapter 'Testing your protocol', as its reader has it: the register of the first
//! chapter, a test that finds what is wrong with it, and what mends it.

#![allow(clippy::unwrap_used, reason = "as in the chapter")]

use std::sync::Mutex;
use std::time::Duration;

use quorum_runtime::history::register::{Input, Output};
use quorum_runtime::history::{History, Register as Model};
use quorum_runtime::sim::{Faults, Host, Result, Seeds, Simulation};
use quorum_runtime::{Call, Majority, Manager, Replies, Server, Status, Verdict};
use register::{Register, RegisterConfiguration as _, RegisterManager as _};
use register::{RegisterQuorumSpec, RegisterServer, State};

mod register {
    #![allow(missing_docs, reason = "its messages are explained in the first chapter")]
    quorum_runtime::include_proto!("register");
}

/// A server: one copy of the register.
#[derive(Default)]
struct Replica(Mutex<State>);

impl Register for Replica {
    async fn read(&self, _: Call, (): ()) -> Result<State, Status> {
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

/// The client's rules.
struct Newest;

impl RegisterQuorumSpec for Newest {
    fn read(&self, (): &(), replies: &Replies<State>) -> Verdict<State> {
        if !replies.is_quorum(&Majority) {
            return Verdict::Pending;
        }
        replies.values().max_by_key(|state| state.version).cloned().into()
    }
}

// begin: node
async fn node(host: Host) -> Result {
    let server = Server::builder().service(RegisterServer::new(Replica::default()));
    Ok(server.serve(host.address()).await?)
}
// end: node

/// The clients of the chapter, and what they do before they have read.
async fn work(host: Host, history: History<Model<u64>>, writes_back: bool) -> Result {
    // begin: client
    let manager = Manager::builder()
        .nodes(host.nodes())
        .timeout(Duration::from_millis(500))
        .keep_alive(Duration::from_millis(200), Duration::from_millis(200))
        .build()?;
    let register = manager.register(Newest)?;
    let (me, history) = (host.number().into(), host.history(&history));
    for version in 1..=30 {
        if me == 1 {
            let write = history.invoke(me, Input::Write(version));
            let state = State { version, value: format!("text {version}") };
            if register.write(state).await.is_ok() {
                write.returned(Output::Done);
            }
        } else {
            let read = history.invoke(me, Input::Read);
            if let Ok(state) = register.read(()).await {
                // end: client
                if writes_back && register.write(state.clone()).await.is_err() {
                    continue;
                }
                // begin: client-goes-on
                read.returned(Output::Value((state.version > 0).then_some(state.version)));
            }
        }
        tokio::time::sleep(Duration::from_millis(host.draw(0..=10))).await;
    }
    host.healed().await;
    manager.ready(&Majority).await?;
    register.read(()).await?;
    Ok(())
    // end: client-goes-on
}

fn test(sim: &mut Simulation, writes_back: bool) -> Result {
    // begin: test
    let history = History::new(Model::new());
    let (nodes, clients) = (sim.draw(3..=5), sim.draw(3..=5));
    let seen = history.clone();
    sim.nodes(nodes, node).faults(Faults::network());
    // end: test
    sim.clients(clients, move |host| work(host, seen.clone(), writes_back));
    // begin: test-goes-on
    sim.run()?;
    history.check()?;
    Ok(())
    // end: test-goes-on
}

#[test]
fn a_register_that_is_not_atomic_is_found_out() {
    let found = Seeds::new(0..500).run(|sim| test(sim, false), |_, ()| {}).unwrap_err();
    panic!("{found}");
}

#[test]
fn with_write_back_it_is_atomic() {
    Seeds::new(0..40).run(|sim| test(sim, true), |_, ()| {}).unwrap();
}
