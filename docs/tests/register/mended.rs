use std::time::Duration;

use quorum_runtime::history::register::{Input, Output};
use quorum_runtime::history::{self, History};
use quorum_runtime::sim::{Faults, Host, Result, Simulation};
use quorum_runtime::{Manager, Server};

use crate::register::{RegisterConfiguration as _, RegisterManager as _, RegisterServer, State};
use crate::{Newest, Replica};

/// What one copy of the register would do. A value is known by its version.
type Model = history::Register<u64>;

/// The program of each node.
async fn node(host: Host) -> Result {
    let server = Server::builder().service(RegisterServer::new(Replica::default()));
    Ok(server.serve(host.address()).await?)
}

/// The program of each client: the first writes, the others read.
async fn client(host: Host, history: History<Model>) -> Result {
    let manager = Manager::builder()
        .nodes(host.nodes())
        .timeout(Duration::from_millis(500))
        .keep_alive(Duration::from_millis(200), Duration::from_millis(200))
        .build()?;
    let register = manager.register(Newest)?;
    let (me, history) = (host.number().into(), host.history(&history));
    for version in 1..=60 {
        if me == 1 {
            let write = history.invoke(me, Input::Write(version));
            let state = State { version, value: format!("text {version}") };
            if register.write(state).await.is_ok() {
                write.returned(Output::Done);
            }
        } else {
            let read = history.invoke(me, Input::Read);
            if let Ok(state) = register.read(()).await
                && register.write(state.clone()).await.is_ok()
            {
                read.returned(Output::Value(Some(state.version)));
            }
        }
        tokio::time::sleep(Duration::from_millis(host.draw(0..=10))).await;
    }
    host.healed().await;
    // The faults are over: now it must work, or the run ends as one that is stuck.
    while register.read(()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[quorum_macros::sim_test(seeds = 40)]
fn the_register_is_atomic(sim: &mut Simulation) -> Result {
    let history = History::new(Model::holding(0));
    let seen = history.clone();
    let (nodes, clients) = (sim.draw(3..=5), sim.draw(3..=5));
    sim.nodes(nodes, node).clients(clients, move |host| client(host, seen.clone()));
    sim.faults(Faults::network()).run()?;
    history.check()?;
    Ok(())
}
