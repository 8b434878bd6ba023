use std::net::SocketAddr;
use std::ops::RangeInclusive;

use super::world::Here;
use super::{Place, address};
use crate::history::{History, Model};
use crate::observe::EventKind;

/// The machine on which a program of a simulation runs, and what the program may know of the others.
///
/// A program needs little of it: in a simulation [`Manager`](crate::Manager), [`Server`](crate::Server)
/// and [`host`](crate::host) use the simulated network, disk and clocks by themselves.
#[derive(Clone, Debug)]
pub struct Host {
    here: Here,
    starts: u32,
}

impl Host {
    pub(super) const fn new(here: Here, starts: u32) -> Self {
        Self { here, starts }
    }

    /// Which machine it is.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.here.place
    }

    /// The number of this node among the nodes, or of this client among the clients, from 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        match self.here.place {
            Place::Node(number) | Place::Client(number) => number,
        }
    }

    /// Where this machine is, for a server to listen on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        address(self.here.place)
    }

    /// Where the nodes are, in their order: for [`ManagerBuilder::nodes`](crate::ManagerBuilder::nodes),
    /// which numbers them as they are numbered here.
    #[must_use]
    pub fn nodes(&self) -> Vec<String> {
        (1..=self.here.world.nodes).map(|node| address(Place::Node(node)).to_string()).collect()
    }

    /// How often the process was started on this machine, this time included: 1 at first.
    #[must_use]
    pub const fn starts(&self) -> u32 {
        self.starts
    }

    /// A number out of these, drawn from the seed of the simulation.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn draw(&self, range: RangeInclusive<u64>) -> u64 {
        self.here.world.machine(self.here.place).random.u64(range)
    }

    /// Whether something happens that happens once in so many times, drawn from the seed.
    #[must_use]
    pub fn once_in(&self, times: u64) -> bool {
        self.draw(1..=times.max(1)) == 1
    }

    /// Waits until the faults are over and everything works. From then on, all that a protocol promises
    /// of progress must come.
    ///
    /// # Cancel safety
    ///
    /// The wait can be dropped.
    pub async fn healed(&self) {
        self.here.world.healed.cancelled().await;
    }

    /// The same history, for what happens here: its times are those of the simulation, and each operation
    /// is a remark in the drawing of the run, at this machine.
    #[must_use]
    pub fn history<M: Model>(&self, history: &History<M>) -> History<M> {
        let here = self.here.clone();
        let history = history.clone().with_clock(|| turmoil::sim_elapsed().unwrap_or_default());
        history.with_observer(move |text| here.tell(EventKind::Noted(text.to_owned().into())))
    }

    /// Puts a remark into the drawing of the run, at this machine.
    pub fn note(&self, text: impl Into<String>) {
        self.here.tell(EventKind::Noted(text.into().into()));
    }
}
