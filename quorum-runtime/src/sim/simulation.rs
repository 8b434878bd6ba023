use std::fmt;
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use super::cluster::Cluster;
use super::recorder::Recorder;
use super::stuck::stuck;
use super::world::World;
use super::{Fault, Faults, Host, Place, Recording, Run, RunError, Schedule};
use crate::transport::BoxError;

/// What a program in a simulation ends with.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// A program as all machines of a kind run it, at each start anew.
pub(super) type Program = Rc<dyn Fn(Host) -> Pin<Box<dyn Future<Output = Result>>>>;

/// A cluster of real servers and clients on simulated machines, and what happens to it.
///
/// It is told what runs on it, and then [run](Self::run); the [module](super) has an example. What
/// happens follows from the seed alone. Not all of it is the same in two versions of this crate or of the
/// programs.
pub struct Simulation {
    seed: u64,
    /// From which the run is drawn; what a test draws for itself comes from a generator of its own, so
    /// that drawing more does not change the rest.
    random: Rng,
    own: Rng,
    nodes: (u32, Option<Program>),
    clients: (u32, Option<Program>),
    faults: Plan,
    latency: Option<Latency>,
    patience: Duration,
    /// Whether [`schedule`](Self::schedule) and [`faults`](Self::faults) have no effect any more.
    is_fixed: bool,
    descriptors: &'static [u8],
    is_recorded: bool,
    elapsed: Duration,
    recording: Option<Recording>,
}

#[derive(Debug)]
enum Plan {
    Drawn(Faults),
    Written(Schedule),
}

/// How long a message takes.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    pub(super) min: Duration,
    pub(super) max: Duration,
}

impl Simulation {
    /// A simulation of nothing yet, in which everything that is left to chance is drawn from this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        Self {
            seed,
            own: random.fork(),
            random,
            nodes: (0, None),
            clients: (0, None),
            faults: Plan::Drawn(Faults::default()),
            latency: None,
            patience: Duration::from_secs(60),
            is_fixed: false,
            descriptors: &[],
            is_recorded: false,
            elapsed: Duration::ZERO,
            recording: None,
        }
    }

    /// The seed.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// A number out of these, drawn from the seed: how many nodes there are, for example.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn draw(&mut self, range: RangeInclusive<u32>) -> u32 {
        self.own.u32(range)
    }

    /// So many nodes run this program. When one is killed, it begins anew with the next start.
    ///
    /// It must not end by itself, but for an error of its disk. Nodes have the ids from 1, and listen on
    /// [`Host::address`].
    pub fn nodes<F>(&mut self, count: u32, program: impl Fn(Host) -> F + 'static) -> &mut Self
    where
        F: Future<Output = Result> + 'static,
    {
        self.nodes = (count, Some(Rc::new(move |host| Box::pin(program(host)))));
        self
    }

    /// So many clients run this program; the run is over when it has ended on all of them. An error
    /// that it ends with is one of the run.
    pub fn clients<F>(&mut self, count: u32, program: impl Fn(Host) -> F + 'static) -> &mut Self
    where
        F: Future<Output = Result> + 'static,
    {
        self.clients = (count, Some(Rc::new(move |host| Box::pin(program(host)))));
        self
    }

    /// Draws faults of these kinds. Default: those of [`Faults::default`].
    pub fn faults(&mut self, faults: Faults) -> &mut Self {
        if !self.is_fixed {
            self.faults = Plan::Drawn(faults);
        }
        self
    }

    /// These faults instead of any that are drawn. Everything heals after the last of them.
    pub fn schedule(&mut self, schedule: Schedule) -> &mut Self {
        if !self.is_fixed {
            self.faults = Plan::Written(schedule);
        }
        self
    }

    /// These faults, whatever is said later.
    #[cfg(feature = "sim-cli")]
    pub(super) fn fix_schedule(&mut self, schedule: Schedule) {
        self.schedule(schedule);
        self.is_fixed = true;
    }

    /// Lets drawings show what messages contain with the names of fields: these are the descriptors of
    /// the services, as [`include_file_descriptor_set!`](crate::include_file_descriptor_set) gives them.
    pub fn descriptors(&mut self, descriptors: &'static [u8]) -> &mut Self {
        self.descriptors = descriptors;
        self
    }

    /// How long a message takes: each a time between these, and at least a millisecond. Default: from
    /// 1 millisecond to one that is drawn, of at most 20.
    pub fn latency(&mut self, min: Duration, max: Duration) -> &mut Self {
        let min = min.max(Duration::from_millis(1));
        self.latency = Some(Latency { min, max: max.max(min) });
        self
    }

    /// How long the clients may go on after everything has healed, in simulated time. Default: 60
    /// seconds. What takes longer is stuck.
    pub fn patience(&mut self, patience: Duration) -> &mut Self {
        self.patience = patience;
        self
    }

    /// Records all events of the run, for a drawing. Makes no difference to what happens.
    pub fn record(&mut self) -> &mut Self {
        self.is_recorded = true;
        self
    }

    /// The simulated time that the last run took, to its end or until it went wrong.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// What was recorded of the last run.
    pub fn take_recording(&mut self) -> Option<Recording> {
        self.recording.take()
    }

    /// Runs until all clients have ended.
    ///
    /// # Errors
    ///
    /// [`RunError`]: a program failed, or nothing went on.
    ///
    /// # Panics
    ///
    /// When it is called within a simulation, or within an asynchronous program.
    pub fn run(&mut self) -> std::result::Result<Run, RunError> {
        let mut random = self.random.clone();
        let (nodes, clients) = (self.nodes.0, self.clients.0);
        let schedule = match &self.faults {
            Plan::Drawn(faults) => faults.draw(&mut random.fork(), nodes, clients),
            Plan::Written(schedule) => healing(schedule.clone()),
        };
        let slowest = random.u64(2..=20);
        let latency = self.latency.clone().unwrap_or_else(|| Latency {
            min: Duration::from_millis(1),
            max: Duration::from_millis(slowest),
        });
        let recorder = Arc::new(Recorder::new(self.is_recorded));
        let world = Arc::new(World::new(nodes, clients, Arc::clone(&recorder), &mut random));
        let unknown = |fault: &Fault| fault.places().into_iter().find(|place| !world.has(*place));
        if let Some(place) = schedule.faults().iter().find_map(|(_, fault)| unknown(fault)) {
            return Err(RunError::Unknown { place, nodes, clients });
        }
        let entered = world.enter();
        let mut cluster =
            Cluster::new(&world, &latency, random.fork(), |place| self.program(place));
        let ended = self.until_ended(&mut cluster, &schedule);
        self.elapsed = cluster.elapsed();
        recorder.end();
        drop(cluster);
        drop(entered);
        let (events, names) = recorder.take();
        let ended = ended.map_err(|error| match error {
            RunError::Stuck { after, at } => {
                RunError::Stuck { after, at: stuck(at, &events, &names, self.elapsed) }
            }
            error => error,
        });
        let descriptors = self.descriptors;
        self.recording =
            self.is_recorded.then(|| Recording { events, names, descriptors, marked: Vec::new() });
        ended.map(|()| Run { elapsed: self.elapsed, schedule })
    }

    fn until_ended(
        &self,
        cluster: &mut Cluster,
        schedule: &Schedule,
    ) -> std::result::Result<(), RunError> {
        let mut faults = schedule.faults().iter().peekable();
        let healed = schedule.faults().last().map_or(Duration::ZERO, |(at, _)| *at);
        let limit = healed.saturating_add(self.patience);
        let mut going: Vec<_> = (1..=self.clients.0).map(Place::Client).collect();
        while !going.is_empty() {
            while let Some((_, fault)) = faults.next_if(|(at, _)| *at <= cluster.elapsed()) {
                cluster.apply(fault);
            }
            for ended in cluster.step() {
                let place = ended.place;
                match (place, ended.ended) {
                    (Place::Client(_), Ok(())) => going.retain(|client| *client != place),
                    (Place::Node(_), _) if cluster.is_excused(place) => {}
                    (_, ended) => return Err(RunError::Ended { place, error: ended.err() }),
                }
            }
            if cluster.elapsed() > limit {
                let at = going.iter().map(|place| (*place, String::new())).collect();
                return Err(RunError::Stuck { after: self.patience, at });
            }
        }
        Ok(())
    }

    fn program(&self, place: Place) -> Program {
        let program = match place {
            Place::Node(_) => &self.nodes.1,
            Place::Client(_) => &self.clients.1,
        };
        program.clone().unwrap_or_else(|| Rc::new(|_| Box::pin(std::future::pending())))
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, clients) = (self.nodes.0, self.clients.0);
        let mut text = f.debug_struct("Simulation");
        text.field("seed", &self.seed).field("nodes", &nodes).field("clients", &clients);
        text.field("faults", &self.faults).finish_non_exhaustive()
    }
}

/// The same faults, and then everything heals.
fn healing(schedule: Schedule) -> Schedule {
    match schedule.faults().last() {
        Some((_, Fault::Heal)) => schedule,
        last => {
            let at = last.map_or(Duration::ZERO, |(at, _)| *at);
            schedule.at(at, Fault::Heal)
        }
    }
}
