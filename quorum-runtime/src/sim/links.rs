//! How the simulated machines are connected at the moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::{Place, address};

/// What was done to the network. Each pair of machines is in one state at a time, because turmoil keeps
/// one for both kinds of fault.
#[derive(Debug)]
pub(super) struct Links {
    places: Vec<Place>,
    cut: BTreeSet<(Place, Place)>,
    off: BTreeSet<Place>,
    hung: BTreeSet<Place>,
    slow: BTreeMap<Place, Duration>,
    latency: Duration,
    states: BTreeMap<(Place, Place), State>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// From the first to the second.
    There,
    /// From the second to the first.
    Back,
    Cut,
    Held,
}

impl Links {
    /// All are open, and a message takes up to `latency`.
    pub(super) fn new(places: impl Iterator<Item = Place>, latency: Duration) -> Self {
        Self {
            places: places.collect(),
            cut: BTreeSet::new(),
            off: BTreeSet::new(),
            hung: BTreeSet::new(),
            slow: BTreeMap::new(),
            latency,
            states: BTreeMap::new(),
        }
    }

    pub(super) fn cut(&mut self, sim: &turmoil::Sim<'_>, from: Place, to: Place) {
        self.cut.insert((from, to));
        self.update(sim);
    }

    /// Nothing passes between these and all others.
    pub(super) fn split(&mut self, sim: &turmoil::Sim<'_>, side: &BTreeSet<Place>) {
        for one in side {
            for other in self.places.iter().filter(|other| !side.contains(other)) {
                self.cut.extend([(*one, *other), (*other, *one)]);
            }
        }
        self.update(sim);
    }

    pub(super) fn unite(&mut self, sim: &turmoil::Sim<'_>) {
        self.cut.clear();
        self.update(sim);
    }

    pub(super) fn join(&mut self, sim: &turmoil::Sim<'_>, one: Place, other: Place) {
        self.cut.remove(&(one, other));
        self.cut.remove(&(other, one));
        self.update(sim);
    }

    /// Nothing reaches a machine without power, nor leaves it.
    pub(super) fn power(&mut self, sim: &turmoil::Sim<'_>, place: Place, is_on: bool) {
        let changed = if is_on { self.off.remove(&place) } else { self.off.insert(place) };
        if changed {
            self.update(sim);
        }
    }

    pub(super) fn hang(&mut self, sim: &turmoil::Sim<'_>, place: Place, is_hung: bool) {
        let changed = if is_hung { self.hung.insert(place) } else { self.hung.remove(&place) };
        if changed {
            self.update(sim);
        }
    }

    pub(super) fn slow(&mut self, sim: &turmoil::Sim<'_>, place: Place, by: Option<Duration>) {
        match by {
            Some(by) => self.slow.insert(place, by),
            None => self.slow.remove(&place),
        };
        for other in self.places.iter().filter(|other| **other != place) {
            let of = |place| self.slow.get(place).copied().unwrap_or_default();
            let latency = self.latency.max(of(&place)).max(of(other));
            sim.set_link_max_message_latency(ip(place), ip(*other), latency);
        }
    }

    /// Undoes everything.
    pub(super) fn heal(&mut self, sim: &turmoil::Sim<'_>) {
        for place in self.slow.keys().copied().collect::<Vec<_>>() {
            self.slow(sim, place, None);
        }
        self.cut.clear();
        self.off.clear();
        self.hung.clear();
        self.update(sim);
    }

    fn update(&mut self, sim: &turmoil::Sim<'_>) {
        for (index, one) in self.places.iter().enumerate() {
            for other in &self.places[index + 1..] {
                let state = self.state(*one, *other);
                let known = self.states.entry((*one, *other)).or_default();
                if *known != state {
                    known.leave(sim, ip(*one), ip(*other));
                    state.enter(sim, ip(*one), ip(*other));
                    *known = state;
                }
            }
        }
    }

    fn state(&self, one: Place, other: Place) -> State {
        let is_off = self.off.contains(&one) || self.off.contains(&other);
        let there = is_off || self.cut.contains(&(one, other));
        let back = is_off || self.cut.contains(&(other, one));
        match (there, back) {
            (true, true) => State::Cut,
            _ if self.hung.contains(&one) || self.hung.contains(&other) => State::Held,
            (true, false) => State::There,
            (false, true) => State::Back,
            (false, false) => State::Open,
        }
    }
}

impl State {
    fn leave(self, sim: &turmoil::Sim<'_>, one: IpAddr, other: IpAddr) {
        match self {
            Self::Open => {}
            Self::There | Self::Back | Self::Cut => sim.repair(one, other),
            Self::Held => sim.release(one, other),
        }
    }

    fn enter(self, sim: &turmoil::Sim<'_>, one: IpAddr, other: IpAddr) {
        match self {
            Self::Open => {}
            Self::There => sim.partition_oneway(one, other),
            Self::Back => sim.partition_oneway(other, one),
            Self::Cut => sim.partition(one, other),
            Self::Held => sim.hold(one, other),
        }
    }
}

fn ip(place: Place) -> IpAddr {
    address(place).ip()
}
