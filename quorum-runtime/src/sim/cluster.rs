//! The machines of a simulation on turmoil, and what faults do to them.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;

use fastrand::Rng;
use futures::FutureExt as _;

use super::connection::close_all;
use super::links::Links;
use super::simulation::{Latency, Program};
use super::world::{Ended, Here, World};
use super::{Fault, Host, Place, address, panic_text, sentence};
use crate::host::simulated::{DiskFailure, Stop};
use crate::observe::EventKind;

/// How much time passes in a step: what is sent in one arrives in a later one.
pub(super) const STEP: Duration = Duration::from_millis(1);

/// How many segments a simulated socket holds before who writes has to wait.
const SOCKET: usize = 1024;

pub(super) struct Cluster {
    sim: turmoil::Sim<'static>,
    world: Arc<World>,
    links: Links,
    random: Rng,
    /// Whose process is killed by something that it writes.
    armed: BTreeSet<Place>,
    /// Whose disk did not work as it should, so that its process may give up.
    excused: BTreeSet<Place>,
}

impl Cluster {
    pub(super) fn new(
        world: &Arc<World>,
        latency: &Latency,
        mut random: Rng,
        program: impl Fn(Place) -> Program,
    ) -> Self {
        let mut sim = turmoil::Builder::new()
            .rng_seed(random.u64(..))
            .tick_duration(STEP)
            .simulation_duration(Duration::MAX)
            .min_message_latency(latency.min)
            .max_message_latency(latency.max)
            .tcp_capacity(SOCKET)
            .enable_random_order()
            .build();
        for place in world.places() {
            let (world, program) = (Arc::clone(world), program(place));
            let process = move || process(Arc::clone(&world), place, Rc::clone(&program));
            sim.host(address(place).ip(), process);
        }
        let links = Links::new(world.places(), latency.max);
        let (armed, excused) = (BTreeSet::new(), BTreeSet::new());
        Self { sim, world: Arc::clone(world), links, random, armed, excused }
    }

    /// The time that has passed in the simulation.
    pub(super) fn elapsed(&self) -> Duration {
        self.sim.elapsed()
    }

    /// Lets a step pass, and tells which processes ended by themselves in it.
    pub(super) fn step(&mut self) -> Vec<Ended> {
        // Processes do not end as far as turmoil knows, and nothing else fails.
        let _running = self.sim.step();
        self.world.recorder.advance(self.sim.elapsed());
        for place in self.armed.iter().copied().collect::<Vec<_>>() {
            if self.world.machine(place).disk.is_blown() {
                self.crash(place);
            }
        }
        let ended = self.world.take_ended();
        // What it left behind is gone with it.
        for Ended { place, ended } in &ended {
            let told = match ended {
                Ok(()) => "ended".to_owned(),
                Err(error) => format!("ended: {error}"),
            };
            self.world.recorder.tell(*place, EventKind::Noted(told.into()));
            self.clean_up(*place);
        }
        ended
    }

    /// Whether a process may have ended because of what was done to its disk.
    pub(super) fn is_excused(&self, place: Place) -> bool {
        self.excused.contains(&place)
    }

    pub(super) fn apply(&mut self, fault: &Fault) {
        let told = EventKind::Faulted(fault.to_string().into());
        match &*fault.places() {
            places @ ([_] | [_, _]) => {
                places.iter().for_each(|place| self.world.recorder.tell(*place, told.clone()));
            }
            _ => self.world.recorder.tell_of_network(told),
        }
        match *fault {
            Fault::Crash(place) => self.crash(place),
            Fault::CrashInWrite(place) => self.arm(place, None),
            Fault::CrashBeforeOperation(place, number) => {
                self.arm(place, Some((number, Stop::Before)));
            }
            Fault::CrashInOperation(place, number) => self.arm(place, Some((number, Stop::Amid))),
            Fault::PowerOff(place) => {
                self.links.power(&self.sim, place, false);
                self.crash(place);
            }
            Fault::Erase(place) => {
                self.crash(place);
                self.world.machine(place).disk.erase();
            }
            Fault::Start(place) => self.start(place),
            Fault::Heal => self.heal(),
            ref other => self.disturb(other),
        }
    }

    /// What concerns the network, the clocks and the disks.
    fn disturb(&mut self, fault: &Fault) {
        let Self { sim, links, world, .. } = self;
        let micros = |by: Duration| i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        match *fault {
            Fault::Cut(one, other) => {
                links.cut(sim, one, other);
                links.cut(sim, other, one);
            }
            Fault::CutOneWay(from, to) => links.cut(sim, from, to),
            Fault::Join(one, other) => links.join(sim, one, other),
            Fault::Split(ref side) => links.split(sim, side),
            Fault::Unite => links.unite(sim),
            // The other end hears of it.
            Fault::Break(one, other) => break_lines(world, one, other),
            Fault::Hang(place) => links.hang(sim, place, true),
            Fault::Wake(place) => links.hang(sim, place, false),
            Fault::Slow(place, by) => links.slow(sim, place, Some(by)),
            Fault::Fast(place) => links.slow(sim, place, None),
            Fault::Ahead(place, by) => world.machine(place).skew = micros(by),
            Fault::Behind(place, by) => world.machine(place).skew = -micros(by),
            Fault::DiskFails(place) => self.disk(place, Some(DiskFailure::Fails), Duration::ZERO),
            Fault::DiskFull(place) => self.disk(place, Some(DiskFailure::Full), Duration::ZERO),
            Fault::DiskSlow(place, by) => self.disk(place, None, by),
            Fault::DiskWorks(place) => self.disk(place, None, Duration::ZERO),
            Fault::Crash(_)
            | Fault::CrashInWrite(_)
            | Fault::CrashBeforeOperation(..)
            | Fault::CrashInOperation(..)
            | Fault::PowerOff(_)
            | Fault::Erase(_)
            | Fault::Start(_)
            | Fault::Heal => {}
        }
    }

    fn disk(&mut self, place: Place, failure: Option<DiskFailure>, delay: Duration) {
        let mut machine = self.world.machine(place);
        machine.disk.set_failure(failure);
        machine.disk_delay = delay;
        if failure.is_some() {
            self.excused.insert(place);
        }
    }

    /// What a process writes kills it: the operation of this number, or one that is drawn.
    fn arm(&mut self, place: Place, at: Option<(u32, Stop)>) {
        let machine = self.world.machine(place);
        if machine.is_running {
            let (after, stop) = match at {
                Some((number, stop)) => (number.saturating_sub(1), stop),
                None => (self.random.u32(0..8), Stop::Anywhere),
            };
            machine.disk.crash_in_operation(after, stop);
            if at.is_some() {
                // Else each of these crashes would leave the same part of what was not synced.
                self.random = Rng::with_seed(self.random.u64(..).wrapping_add(after.into()));
            }
            self.armed.insert(place);
            self.excused.insert(place);
        }
    }

    fn crash(&mut self, place: Place) {
        let mut machine = self.world.machine(place);
        if !std::mem::take(&mut machine.is_running) {
            return;
        }
        drop(machine);
        self.world.recorder.tell(place, EventKind::Crashed);
        self.clean_up(place);
    }

    /// Takes away what is left of a process.
    fn clean_up(&mut self, place: Place) {
        self.armed.remove(&place);
        let machine = self.world.machine(place);
        // First of all, so that nothing that its destructors write counts.
        machine.disk.crash(&mut self.random);
        drop(machine);
        self.world.recorder.ended(place);
        self.sim.crash(address(place).ip());
    }

    fn start(&mut self, place: Place) {
        self.links.power(&self.sim, place, true);
        if !self.world.machine(place).is_running {
            self.sim.bounce(address(place).ip());
        }
    }

    fn heal(&mut self) {
        self.links.heal(&self.sim);
        for place in self.world.places() {
            self.disk(place, None, Duration::ZERO);
            let is_blown = self.armed.contains(&place) && self.world.machine(place).disk.is_blown();
            if self.armed.remove(&place) && !is_blown {
                self.world.machine(place).disk.disarm();
            }
            let must_run = match place {
                Place::Node(_) => true,
                Place::Client(_) => !self.world.machine(place).is_done,
            };
            if must_run {
                self.start(place);
            }
        }
        self.world.healed.cancel();
    }
}

fn break_lines(world: &World, at: Place, other: Place) {
    let lines: Vec<_> = world.machine(at).lines.iter().filter_map(Weak::upgrade).collect();
    lines.iter().for_each(|line| line.break_it(address(other).ip()));
}

/// One run of a program on a machine. How it ends is noted, and is no matter for turmoil.
async fn process(world: Arc<World>, place: Place, program: Program) -> turmoil::Result {
    let starts = world.begin(place);
    let here = Here { world: Arc::clone(&world), place };
    here.tell(EventKind::Started);
    let running = AssertUnwindSafe(program(Host::new(here, starts))).catch_unwind();
    let ended = match running.await {
        Ok(ended) => ended.map_err(|error| sentence(&*error)),
        Err(panic) => Err(format!("it panicked: {}", panic_text(&*panic))),
    };
    // What it leaves behind must not act any more: its tasks would do so in no certain order.
    world.machine(place).is_running = false;
    close_all(&world, place);
    world.ended(Ended { place, ended });
    // Until it is cleaned up, in this step.
    std::future::pending().await
}
