//! The code of the chapter 'Testing your protocol', as its reader has it: the register of the first
//! chapter, and a test that finds what is wrong with it.

#![allow(clippy::unwrap_used, reason = "as in the chapter")]

use std::sync::Mutex;

use quorum_runtime::{Call, Majority, Replies, Server, Status, Verdict};
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

// begin: test
use std::time::Duration;

use quorum_runtime::Manager;
use quorum_runtime::history::register::{Input, Output};
use quorum_runtime::history::{History, Register as Model};
use quorum_runtime::sim::{FaultKind, Faults, Host, Result, Simulation};

async fn node(host: Host) -> Result {
    let server = Server::builder().service(RegisterServer::new(Replica::default()));
    Ok(server.serve(host.address()).await?)
}

async fn client(host: Host, history: History<Model<u64>>) -> Result {
    let manager = Manager::builder()
        .nodes(host.nodes())
        .timeout(Duration::from_millis(500))
        .keep_alive(Duration::from_millis(200), Duration::from_millis(200))
        .build()?;
    let register = manager.register(Newest)?;
    let (history, me) = (host.history(&history), host.number().into());
    for version in 1..=30 {
        // One client writes; the others read.
        if me == 1 {
            let write = history.invoke(me, Input::Write(version));
            if register.write(State { version, value: String::new() }).await.is_ok() {
                write.returned(Output::Done);
            }
        } else {
            let read = history.invoke(me, Input::Read);
            if let Ok(state) = register.read(()).await {
                read.returned(Output::Value((state.version > 0).then_some(state.version)));
            }
        }
        tokio::time::sleep(Duration::from_millis(host.draw(0..=20))).await;
    }
    Ok(())
}

fn a_register(sim: &mut Simulation) -> Result {
    let history = History::new(Model::new());
    let (nodes, clients) = (sim.draw(3..=5), sim.draw(2..=4));
    let clients_history = history.clone();
    sim.faults(Faults::none().with(FaultKind::Cut).with(FaultKind::Slow).with(FaultKind::Hang));
    sim.nodes(nodes, node);
    sim.clients(clients, move |host| client(host, clients_history.clone()));
    sim.run()?;
    history.check()?;
    Ok(())
}
// end: test

#[test]
fn a_mistake_is_found() {
    let found = quorum_runtime::sim::Seeds::new(0..100).run(a_register, |_, ()| {});
    let found = found.unwrap_err();
    let mut sim = Simulation::new(found.seed);
    drop(a_register(sim.record()));
    for f in ["/tmp/d.html", "/tmp/d.svg", "/tmp/d.txt"] {
        sim.take_recording().map(|r| {
            r.draw(f.as_ref()).unwrap();
            r.draw("/tmp/d.svg".as_ref()).unwrap();
            r.draw("/tmp/d.txt".as_ref()).unwrap()
        });
    }
    panic!("{}", found);
}
