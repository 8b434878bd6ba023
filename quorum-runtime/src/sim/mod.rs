//! Simulated clusters: the same servers and clients that run in production, on machines, a network,
//! disks and clocks that a seed makes fail.
//!
//! A [`Simulation`] runs a program on each node and on each client. The programs are those of
//! production: on a simulated machine a [`Manager`](crate::Manager) connects through the simulated
//! network, a [`Server`](crate::Server) listens in it, and time is simulated, so that a minute passes in
//! about a second. [`Faults`] are drawn from the seed, or a [`Schedule`] says which come when; then
//! everything heals, and the clients must come to their end. The same seed is the same run, to the
//! byte: whatever is found is found again.
//!
//! `#[quorum_macros::sim_test]` makes a test of it, [`Seeds`] runs many seeds in a program.
//!
//! ```
//! use std::time::Duration;
//! use quorum_runtime::sim::{Host, Result, Simulation};
//! use quorum_runtime::{Majority, Manager, Server};
//!
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
//! async fn node(host: Host) -> Result {
//!     let server = Server::builder().service(RegisterServer::new(Replica::new()));
//!     Ok(server.serve(host.address()).await?)
//! }
//!
//! async fn client(host: Host) -> Result {
//!     let manager = Manager::builder()
//!         .nodes(host.nodes())
//!         .timeout(Duration::from_millis(500))
//!         .keep_alive(Duration::from_millis(200), Duration::from_millis(200))
//!         .build()?;
//!     let register = manager.register(Majority)?;
//!     for version in 1..=20 {
//!         let written = register.write(State::new(version, "text")).await;
//!         host.note(format!("version {version} was written: {}", written.is_ok()));
//!     }
//!     host.healed().await;
//!     // Now it must succeed, some time; else the run ends as one that is stuck.
//!     while register.read(()).await.is_err() {
//!         tokio::time::sleep(Duration::from_millis(100)).await;
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result {
//! for seed in 0..3 {
//!     let mut sim = Simulation::new(seed);
//!     let nodes = sim.draw(3..=5);
//!     let run = sim.nodes(nodes, node).clients(2, client).run()?;
//!     println!("seed {seed}: {nodes} nodes, {:?}, {}", run.elapsed, run.schedule);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is simulated
//!
//! The network is that of [turmoil](https://docs.rs/turmoil): a connection delivers in order, each
//! message takes a time that is drawn, and what is lost stays lost, because nothing sends it again; the
//! connection is dead then, until keep-alive finds that out. So give managers and servers
//! keep-alives that are short beside the faults. Each machine has a tokio runtime of one thread whose
//! time is simulated; `tokio::time` has no other in it.
//!
//! # What a program must not do
//!
//! A run is decided by its seed as long as the programs take nothing from elsewhere. They must not
//! iterate over a `HashMap`, ask `SystemTime::now` or a generator that the operating system seeds
//! ([`Host::draw`] is one for them), use threads or `spawn_blocking`, or write `tokio::select!` without
//! `biased`. The test attribute notices when a seed that failed does not fail again. A program that never
//! waits for anything holds up the simulation, because no time passes in it.
//!
//! Simulating a cluster from a seed to test it is the way of FoundationDB (Zhou and others, 2021) and
//! of TigerBeetle.

mod cluster;
#[cfg(feature = "sim-cli")]
mod command;
mod connection;
mod duration;
mod fault;
mod faults;
mod host;
mod links;
#[cfg(feature = "sim-cli")]
mod output;
mod place;
mod recorder;
mod run;
mod schedule;
mod seeds;
mod simulation;
mod stuck;
#[cfg(feature = "sim-cli")]
mod study;
#[doc(hidden)]
pub mod test;
mod witnesses;
mod world;

use std::net::{IpAddr, SocketAddr};

#[cfg(feature = "sim-cli")]
pub use command::Command;
pub use fault::Fault;
pub use faults::{FaultKind, Faults};
pub use host::Host;
pub use place::Place;
pub use run::{Recording, Run, RunError};
pub use schedule::{Schedule, ScheduleError};
pub use seeds::{SeedError, Seeds};
pub use simulation::{Result, Simulation};
#[cfg(feature = "sim-cli")]
pub use study::Study;
pub(crate) use world::here;

/// The port on which the machines of a simulation are expected to listen.
const PORT: u16 = 9000;

/// Where a machine is in the simulated network.
fn address(place: Place) -> SocketAddr {
    let (net, number) = match place {
        Place::Node(number) => (0, number),
        Place::Client(number) => (1, number),
    };
    let [_, _, high, low] = number.to_be_bytes();
    SocketAddr::new(IpAddr::from([10, net, high, low]), PORT)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("with no text")
}

/// An error with its causes.
fn sentence(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    for cause in causes.map(ToString::to_string) {
        // Many errors tell their cause themselves.
        if !text.contains(&cause) {
            text += &format!(": {cause}");
        }
    }
    text
}
