use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Place;
use super::world::here;
use crate::observe::{Event, EventKind, Observer, Process};

/// Sees what happens everywhere in a simulation, and when, by the one clock that all machines share.
#[derive(Debug)]
pub(crate) struct Recorder {
    is_on: AtomicBool,
    begun: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    events: Vec<Event>,
    /// Which client a process is.
    names: BTreeMap<u64, Place>,
    /// The incarnations of processes that have ended.
    ended: BTreeSet<u64>,
    now: Duration,
}

impl Recorder {
    pub(super) fn new(is_on: bool) -> Self {
        let is_on = AtomicBool::new(is_on);
        Self { is_on, begun: Instant::now(), seen: Mutex::default() }
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// From now on nothing is recorded: what ends with the simulation is no part of it.
    pub(super) fn end(&self) {
        self.is_on.store(false, Ordering::Relaxed);
    }

    pub(super) fn name(&self, place: Place, incarnation: u64) {
        self.lock().names.insert(incarnation, place);
    }

    /// The process on a machine has ended: what its destructors still say is not heard.
    pub(super) fn ended(&self, place: Place) {
        let Seen { names, ended, .. } = &mut *self.lock();
        let runs = names.iter().filter(|(_, named)| **named == place).map(|(run, _)| *run);
        ended.extend(runs.filter(|run| !is_of_client(*run)));
    }

    /// The events so far, in the order in which they were told, which is that of their times on each
    /// machine, and which place each process has by its incarnation.
    pub(super) fn take(&self) -> (Vec<Event>, BTreeMap<u64, Place>) {
        let Seen { mut events, names, .. } = std::mem::take(&mut *self.lock());
        // Not every process says which node it is, and not to everybody.
        let complete = |process: &mut Process| {
            let place = process.incarnation.and_then(|run| names.get(&run));
            if let Some(Place::Node(id)) = place {
                process.node = Some((*id).into());
            }
        };
        for event in &mut events {
            complete(&mut event.at);
            event.peer.as_mut().into_iter().for_each(complete);
        }
        (events, names)
    }

    /// The simulation has come so far.
    pub(super) fn advance(&self, now: Duration) {
        self.lock().now = now;
    }

    /// Something happens to a machine, or its program has something to say.
    pub(super) fn tell(&self, place: Place, kind: EventKind) {
        let at = match place {
            Place::Node(id) => Process::node(id),
            // No process has so large an incarnation that it means a place: those are drawn.
            Place::Client(number) => Process::run(client_run(number)),
        };
        if let Place::Client(number) = place {
            self.name(place, client_run(number));
        }
        self.event(&Event::new(at, kind));
    }

    /// Something happens to the network as a whole.
    pub(super) fn tell_of_network(&self, kind: EventKind) {
        self.event(&Event::new(Process::default(), kind));
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it is such a number, and that of no process.
const fn is_of_client(run: u64) -> bool {
    run > u64::MAX - u32::MAX as u64
}

/// Under which number the events of a client are told that are none of its manager's.
const fn client_run(number: u32) -> u64 {
    u64::MAX - number as u64
}

impl Observer for Recorder {
    fn event(&self, event: &Event) {
        // Who was killed says nothing any more: what its destructors say has no certain order, and some of
        // them run where nobody knows which machine they are on.
        let is_there = || here().is_none_or(|here| here.is_running());
        if self.is_on() && is_there() {
            let mut seen = self.lock();
            if event.at.incarnation.is_some_and(|run| seen.ended.contains(&run)) {
                return;
            }
            // The runtimes of the machines do not agree about when they began.
            let now = turmoil::sim_elapsed().unwrap_or(seen.now);
            seen.events.push(Event { time: self.begun + now, ..event.clone() });
        }
    }

    fn wants_content(&self) -> bool {
        true
    }
}
