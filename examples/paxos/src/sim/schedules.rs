//! Which faults come to a cluster, and when.
//!
//! Some mistakes need several faults that fit together, which faults that are drawn one by one hardly ever do.

use std::time::Duration;

use quorum_runtime::sim::{Fault, Faults, Place, Schedule, Simulation};

use super::PERIOD;

/// How the faults of a run are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Each by itself.
    Any,
    /// As [`restless`] says.
    Restless,
    /// As [`estranged`] says.
    Estranged,
    /// As [`forgetful`] says.
    Forgetful,
}

impl Kind {
    pub(super) fn draw(sim: &mut Simulation) -> Self {
        [Self::Any, Self::Restless, Self::Estranged, Self::Forgetful][sim.draw(0..=3) as usize]
    }

    /// Lets a run have such faults.
    pub(super) fn fail(self, sim: &mut Simulation, nodes: u32, lease: Duration) {
        let schedule = match self {
            Self::Any => {
                sim.faults(Faults::default().period(PERIOD).most(40));
                return;
            }
            Self::Restless => restless(sim, nodes),
            Self::Estranged => estranged(sim, nodes, lease),
            Self::Forgetful => forgetful(sim, nodes, lease),
        };
        sim.schedule(schedule);
    }
}

/// One node after the other is cut off, hangs or is killed, and is soon back: that brings more leaders, each of
/// whom finds what the one before has left, than faults that last.
fn restless(sim: &mut Simulation, nodes: u32) -> Schedule {
    let (mut schedule, mut time) = (Schedule::default(), 100);
    while time < millis(PERIOD) {
        let node = Place::Node(sim.draw(1..=nodes));
        let (fault, end) = match sim.draw(0..=5) {
            0..=2 => (Fault::Split([node].into()), Fault::Unite),
            3 | 4 => (Fault::Hang(node), Fault::Wake(node)),
            _ => (Fault::Crash(node), Fault::Start(node)),
        };
        let [from, until] = [time, time + sim.draw(10..=200)].map(at);
        schedule = schedule.at(from, fault).at(until, end);
        time += sim.draw(5..=80);
    }
    schedule.at(PERIOD, Fault::Heal)
}

/// A node, which may be the leader, is cut off from the other nodes but not from the clients, and goes on
/// with what it believes to have, while the others choose another leader as soon as they may.
fn estranged(sim: &mut Simulation, nodes: u32, lease: Duration) -> Schedule {
    let mut drawing = Drawing { sim, nodes, lease: millis(lease), schedule: Schedule::default() };
    let mut time = drawing.lease;
    while time < millis(PERIOD) {
        let node = drawing.sim.draw(1..=nodes);
        time = match drawing.sim.draw(0..=2) {
            0 => drawing.is_heard_late(time, node),
            1 => drawing.is_followed_by_who_forget(time, node),
            _ => drawing.is_followed_by_other_clocks(time, node),
        };
        time += drawing.leases(1.0..=2.0);
    }
    drawing.healed(time)
}

/// All nodes are killed at once, again and again, and before that one of them was to lead that had not stored
/// for a while what it has promised and accepted.
fn forgetful(sim: &mut Simulation, nodes: u32, lease: Duration) -> Schedule {
    let mut drawing = Drawing { sim, nodes, lease: millis(lease), schedule: Schedule::default() };
    let mut time = 2 * drawing.lease;
    while time < millis(PERIOD) {
        let node = drawing.sim.draw(1..=nodes);
        time = drawing.comes_back_with_less(time, node);
        // Until all have one leader again.
        time += drawing.leases(4.0..=7.0);
    }
    drawing.healed(time)
}

struct Drawing<'a> {
    sim: &'a mut Simulation,
    nodes: u32,
    /// In milliseconds, as all times here.
    lease: u32,
    schedule: Schedule,
}

impl Drawing<'_> {
    /// One of the others is back first: it has promised something to a new leader, of whom the old one
    /// hears nothing.
    fn is_heard_late(&mut self, from: u32, node: u32) -> u32 {
        self.cut_off(from, node);
        let back = from + self.leases(1.2..=3.0);
        let other = self.other(node);
        self.push(back, Fault::Join(Place::Node(node), Place::Node(other)));
        let until = back + self.sim.draw(10..=150);
        self.unite(until)
    }

    /// The others are started anew at once, and have to remember that the lease of the old leader lasts.
    fn is_followed_by_who_forget(&mut self, from: u32, node: u32) -> u32 {
        self.cut_off(from, node);
        for other in self.others(node) {
            let killed = from + self.sim.draw(0..=10);
            let started = killed + self.sim.draw(1..=20);
            self.push(killed, Fault::Crash(Place::Node(other)));
            self.push(started, Fault::Start(Place::Node(other)));
        }
        let until = from + self.leases(0.7..=1.5);
        self.unite(until)
    }

    /// The clocks on the wall jump: that of the old leader back, those of the others ahead.
    fn is_followed_by_other_clocks(&mut self, from: u32, node: u32) -> u32 {
        self.cut_off(from, node);
        let until = from + self.leases(1.0..=3.0);
        for place in (1..=self.nodes).map(Place::Node) {
            let (jump, time) = (at(self.leases(0.0..=3.0)), from + self.sim.draw(0..=20));
            let is_cut_off = place == Place::Node(node);
            let jumps = if is_cut_off { Fault::Behind } else { Fault::Ahead };
            self.push(time, jumps(place, jump));
            self.push(until, Fault::Ahead(place, Duration::ZERO));
        }
        self.unite(until)
    }

    /// A node whose disk is slow leads before its own vote is stored, which is no mistake. When one of the others
    /// has heard of what it proposes, all are killed, and the node may ask the other one first.
    fn comes_back_with_less(&mut self, from: u32, node: u32) -> u32 {
        self.push(from, Fault::DiskSlow(Place::Node(node), at(1_000)));
        for other in self.others(node) {
            self.push(from, Fault::Crash(Place::Node(other)));
            self.push(from + 20, Fault::Start(Place::Node(other)));
        }
        let cut = from + self.leases(1.2..=2.2) + 20;
        let other = self.other(node);
        self.push(cut, Fault::Cut(Place::Node(node), Place::Node(other)));
        let killed = cut + self.sim.draw(20..=120);
        for place in (1..=self.nodes).map(Place::Node) {
            self.push(killed, Fault::Crash(place));
            let late = if place == Place::Node(node) { 1 } else { 30 };
            self.push(killed + late, Fault::Start(place));
        }
        self.push(killed, Fault::DiskWorks(Place::Node(node)));
        self.push(killed, Fault::Unite);
        killed
    }

    /// The same faults, and then everything heals.
    fn healed(self, time: u32) -> Schedule {
        self.schedule.at(at(time.max(millis(PERIOD))), Fault::Heal)
    }

    fn cut_off(&mut self, from: u32, node: u32) {
        for other in self.others(node) {
            self.push(from, Fault::Cut(Place::Node(node), Place::Node(other)));
        }
    }

    fn unite(&mut self, time: u32) -> u32 {
        self.push(time, Fault::Unite);
        time
    }

    fn push(&mut self, time: u32, fault: Fault) {
        self.schedule = std::mem::take(&mut self.schedule).at(at(time), fault);
    }

    fn others(&self, than: u32) -> Vec<u32> {
        (1..=self.nodes).filter(|other| *other != than).collect()
    }

    fn other(&mut self, than: u32) -> u32 {
        let others = self.others(than);
        others[self.sim.draw(0..=others.len() as u32 - 1) as usize]
    }

    /// So many times as long as a lease.
    fn leases(&mut self, range: std::ops::RangeInclusive<f64>) -> u32 {
        let [low, high] =
            [range.start(), range.end()].map(|times| (f64::from(self.lease) * times) as u32);
        self.sim.draw(low..=high)
    }
}

fn at(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
