//! What the processes of a simulation find around them in place of the real world.
//!
//! A simulation runs on one thread, and each of its machines has a tokio runtime of its own; so the
//! runtime that some code runs on tells which machine it is.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use tokio::runtime::{self, Handle};
use tokio_util::sync::CancellationToken;

use super::Place;
use super::connection::Line;
use super::recorder::Recorder;
use crate::host::simulated::SimulatedDisk;
use crate::observe::EventKind;

thread_local! {
    static CURRENT: RefCell<Option<Arc<World>>> = const { RefCell::new(None) };
}

/// All machines, while a simulation runs on this thread.
#[derive(Debug)]
pub(super) struct World {
    pub(super) nodes: u32,
    pub(super) clients: u32,
    pub(super) recorder: Arc<Recorder>,
    /// Given when the faults are over. Wakes who waits in the order in which they came to wait.
    pub(super) healed: CancellationToken,
    epoch: SystemTime,
    /// How long work for a disk takes at most, if nothing is wrong with it.
    disk_delay: Duration,
    machines: Vec<Mutex<Machine>>,
    ended: Mutex<Vec<Ended>>,
    /// Which machine a runtime is. Only looked up, so its order is nobody's.
    runtimes: Mutex<HashMap<runtime::Id, Place>>,
}

/// What a simulation knows of one machine.
#[derive(Debug)]
pub(super) struct Machine {
    /// From which everything is drawn that its processes leave to chance.
    pub(super) random: Rng,
    /// How often its process was started.
    pub(super) starts: u32,
    pub(super) is_running: bool,
    /// Its program came to its end.
    pub(super) is_done: bool,
    pub(super) disk: SimulatedDisk,
    /// How far its wall clock is from that of the others, in microseconds.
    pub(super) skew: i64,
    /// How long work for its disk takes at most, if that is longer than for the others.
    pub(super) disk_delay: Duration,
    /// The connections of its process, the oldest first.
    pub(super) lines: Vec<Weak<Line>>,
}

/// A process that ended by itself, and how.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) place: Place,
    pub(super) ended: Result<(), String>,
}

/// The machine on which the code runs that asks.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    pub(super) world: Arc<World>,
    pub(super) place: Place,
}

/// The machine on which this runs, if it is a simulated one.
pub(crate) fn here() -> Option<Here> {
    let world = CURRENT.with_borrow(Option::clone)?;
    let place = world.place(Handle::try_current().ok()?.id())?;
    Some(Here { world, place })
}

/// Makes a world the one of this thread, as long as it lives.
pub(super) struct Entered(());

impl World {
    pub(super) fn new(nodes: u32, clients: u32, recorder: Arc<Recorder>, random: &mut Rng) -> Self {
        let places = (1..=nodes).map(Place::Node).chain((1..=clients).map(Place::Client));
        let machines = places.map(|_| Mutex::new(Machine::new(random.fork()))).collect();
        // Some day, so that nobody counts on the years since 1970 being few.
        let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(random.u64(1..4_000_000_000));
        let disk_delay = Duration::from_micros(random.u64(0..=4_000));
        let healed = CancellationToken::new();
        let (ended, runtimes) = (Mutex::default(), Mutex::default());
        Self { nodes, clients, recorder, healed, epoch, disk_delay, machines, ended, runtimes }
    }

    pub(super) fn enter(self: &Arc<Self>) -> Entered {
        CURRENT.set(Some(Arc::clone(self)));
        Entered(())
    }

    pub(super) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        (1..=self.nodes).map(Place::Node).chain((1..=self.clients).map(Place::Client))
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.places().any(|known| known == place)
    }

    pub(super) fn machine(&self, place: Place) -> MutexGuard<'_, Machine> {
        let index = match place {
            Place::Node(number) => number - 1,
            Place::Client(number) => self.nodes + number - 1,
        };
        self.machines[index as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process begins on this machine, on the runtime that runs now.
    pub(super) fn begin(&self, place: Place) -> u32 {
        let id = Handle::current().id();
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        // The runtime of what ran there before is gone, and its id may be another's now.
        runtimes.retain(|_, of| *of != place);
        runtimes.insert(id, place);
        drop(runtimes);
        let mut machine = self.machine(place);
        machine.starts += 1;
        machine.is_running = true;
        machine.is_done = false;
        machine.starts
    }

    pub(super) fn ended(&self, ended: Ended) {
        self.machine(ended.place).is_done = ended.ended.is_ok();
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
    }

    pub(super) fn take_ended(&self) -> Vec<Ended> {
        std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn place(&self, runtime: runtime::Id) -> Option<Place> {
        self.runtimes.lock().unwrap_or_else(PoisonError::into_inner).get(&runtime).copied()
    }
}

impl Machine {
    fn new(random: Rng) -> Self {
        let (disk, disk_delay, lines) = (SimulatedDisk::default(), Duration::ZERO, Vec::new());
        Self {
            random,
            starts: 0,
            is_running: false,
            is_done: false,
            disk,
            skew: 0,
            disk_delay,
            lines,
        }
    }
}

impl Here {
    /// What this machine leaves to chance.
    pub(crate) fn random(&self) -> Rng {
        self.world.machine(self.place).random.fork()
    }

    /// The wall clock of this machine.
    pub(crate) fn now(&self) -> SystemTime {
        let since = turmoil::sim_elapsed().unwrap_or_default();
        let skew = self.world.machine(self.place).skew;
        let by = Duration::from_micros(skew.unsigned_abs());
        let now = self.world.epoch + since;
        if skew < 0 { now - by } else { now + by }
    }

    pub(crate) fn disk(&self) -> SimulatedDisk {
        self.world.machine(self.place).disk.clone()
    }

    /// How long the next work takes that waits for the disk.
    pub(crate) fn disk_delay(&self) -> Duration {
        let mut machine = self.world.machine(self.place);
        let most = machine.disk_delay.max(self.world.disk_delay);
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(machine.random.u64(0..=most))
    }

    /// Who is told all events.
    pub(crate) fn recorder(&self) -> Option<Arc<Recorder>> {
        self.world.recorder.is_on().then(|| Arc::clone(&self.world.recorder))
    }

    /// The process is known by this number in what it tells.
    pub(crate) fn is_run(&self, incarnation: u64) {
        self.world.recorder.name(self.place, incarnation);
    }

    /// Whether the process is there still, or what acts is only what it left behind.
    pub(super) fn is_running(&self) -> bool {
        self.world.machine(self.place).is_running
    }

    pub(super) fn tell(&self, kind: EventKind) {
        self.world.recorder.tell(self.place, kind);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}
