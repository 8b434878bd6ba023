use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use super::{Fault, Place, Schedule};

/// Which faults a simulation draws from its seed.
///
/// Swarm testing (Groce and others, 2012): each run leaves out some kinds and draws how many faults of
/// the others there are, because faults can hide each other. Each ends after a while: what was cut is
/// joined, what was killed starts again.
///
/// ```
/// use std::time::Duration;
/// use quorum_runtime::sim::{FaultKind, Faults};
///
/// let harmless = Faults::none().with(FaultKind::Slow).with(FaultKind::Hang);
/// let within_three_seconds = Faults::default().without(FaultKind::Skew).period(Duration::from_secs(3));
/// # drop((harmless, within_three_seconds));
/// ```
#[derive(Clone, Debug)]
pub struct Faults {
    kinds: BTreeSet<FaultKind>,
    most: u32,
    period: Duration,
}

/// A kind of [`Fault`], with that which ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// [`Fault::Crash`].
    Crash,
    /// [`Fault::CrashInWrite`].
    CrashInWrite,
    /// [`Fault::PowerOff`].
    PowerOff,
    /// [`Fault::PowerOff`] of several nodes at once, or of all.
    Blackout,
    /// [`Fault::Erase`], which few protocols survive.
    Erase,
    /// [`Fault::Cut`] between two places, or [`Fault::Split`].
    Cut,
    /// [`Fault::CutOneWay`].
    CutOneWay,
    /// [`Fault::Break`].
    Break,
    /// [`Fault::Hang`].
    Hang,
    /// [`Fault::Slow`].
    Slow,
    /// [`Fault::Ahead`] and [`Fault::Behind`].
    Skew,
    /// [`Fault::DiskFails`].
    DiskFails,
    /// [`Fault::DiskFull`].
    DiskFull,
    /// [`Fault::DiskSlow`].
    DiskSlow,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Crash,
        Self::CrashInWrite,
        Self::PowerOff,
        Self::Blackout,
        Self::Erase,
        Self::Cut,
        Self::CutOneWay,
        Self::Break,
        Self::Hang,
        Self::Slow,
        Self::Skew,
        Self::DiskFails,
        Self::DiskFull,
        Self::DiskSlow,
    ];
}

impl Default for Faults {
    /// Every kind but [`FaultKind::Erase`], up to 20 faults within 2 seconds.
    fn default() -> Self {
        let every = Self { kinds: FaultKind::ALL.into(), ..Self::none() };
        every.without(FaultKind::Erase)
    }
}

impl Faults {
    /// None, until some are [added](Self::with).
    #[must_use]
    pub const fn none() -> Self {
        Self { kinds: BTreeSet::new(), most: 20, period: Duration::from_secs(2) }
    }

    /// Only those of the network: all processes run, and keep what they have in memory.
    #[must_use]
    pub fn network() -> Self {
        let kinds = [
            FaultKind::Cut,
            FaultKind::CutOneWay,
            FaultKind::Break,
            FaultKind::Hang,
            FaultKind::Slow,
        ];
        Self { kinds: kinds.into(), ..Self::none() }
    }

    /// This kind too.
    #[must_use]
    pub fn with(mut self, kind: FaultKind) -> Self {
        self.kinds.insert(kind);
        self
    }

    /// All but this kind.
    #[must_use]
    pub fn without(mut self, kind: FaultKind) -> Self {
        self.kinds.remove(&kind);
        self
    }

    /// How many there are at most. Default: 20.
    #[must_use]
    pub const fn most(mut self, faults: u32) -> Self {
        self.most = faults;
        self
    }

    /// When they are over, in simulated time: then everything heals. Default: 2 seconds.
    #[must_use]
    pub const fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// What a run with so many nodes and clients has to bear; ends with [`Fault::Heal`].
    pub(super) fn draw(&self, random: &mut Rng, nodes: u32, clients: u32) -> Schedule {
        let kinds: Vec<_> = self.kinds.iter().copied().filter(|_| random.bool()).collect();
        let mut drawing =
            Drawing { random, nodes, clients, period: self.period, schedule: Schedule::default() };
        if nodes > 0 && !kinds.is_empty() {
            for _ in 0..drawing.random.u32(0..=self.most) {
                let kind = kinds[drawing.random.usize(..kinds.len())];
                drawing.add(kind);
            }
        }
        drawing.schedule.at(self.period, Fault::Heal)
    }
}

struct Drawing<'a> {
    random: &'a mut Rng,
    nodes: u32,
    clients: u32,
    period: Duration,
    schedule: Schedule,
}

impl Drawing<'_> {
    fn add(&mut self, kind: FaultKind) {
        let node = self.node();
        match kind {
            FaultKind::Crash => self.pair(Fault::Crash(node), Fault::Start(node)),
            FaultKind::CrashInWrite => self.pair(Fault::CrashInWrite(node), Fault::Start(node)),
            FaultKind::PowerOff => self.pair(Fault::PowerOff(node), Fault::Start(node)),
            FaultKind::Blackout => self.blackout(),
            FaultKind::Erase => self.pair(Fault::Erase(node), Fault::Start(node)),
            FaultKind::Cut => self.cut(node),
            FaultKind::CutOneWay => {
                if let Some(other) = self.other(node) {
                    let (from, to) = if self.random.bool() { (node, other) } else { (other, node) };
                    self.pair(Fault::CutOneWay(from, to), Fault::Join(from, to));
                }
            }
            FaultKind::Break => {
                if let Some(other) = self.other(node) {
                    let time = self.time();
                    self.push(time, Fault::Break(node, other));
                }
            }
            FaultKind::Hang => self.pair(Fault::Hang(node), Fault::Wake(node)),
            FaultKind::Slow => {
                let by = self.millis(10..=200);
                self.pair(Fault::Slow(node, by), Fault::Fast(node));
            }
            FaultKind::Skew => {
                let (time, by) = (self.time(), self.millis(1..=5_000));
                let fault = if self.random.bool() { Fault::Ahead } else { Fault::Behind };
                self.push(time, fault(node, by));
            }
            FaultKind::DiskFails => self.pair(Fault::DiskFails(node), Fault::DiskWorks(node)),
            FaultKind::DiskFull => self.pair(Fault::DiskFull(node), Fault::DiskWorks(node)),
            FaultKind::DiskSlow => {
                let by = self.millis(1..=100);
                self.pair(Fault::DiskSlow(node, by), Fault::DiskWorks(node));
            }
        }
    }

    /// They lose power together, and get it back one by one or together.
    fn blackout(&mut self) {
        let (from, until) = self.span();
        let (all, together) = (self.random.bool(), self.random.bool());
        for number in 1..=self.nodes {
            if all || self.random.bool() {
                let on = if together { until } else { self.time().max(from) };
                self.push(from, Fault::PowerOff(Place::Node(number)));
                self.push(on, Fault::Start(Place::Node(number)));
            }
        }
    }

    /// Between two places, or between two parts of the cluster.
    fn cut(&mut self, node: Place) {
        if self.random.bool() {
            if let Some(other) = self.other(node) {
                self.pair(Fault::Cut(node, other), Fault::Join(node, other));
            }
            return;
        }
        let side: BTreeSet<_> = self.places().filter(|_| self.random.bool()).collect();
        if !side.is_empty() {
            self.pair(Fault::Split(side), Fault::Unite);
        }
    }

    /// A fault, and later what ends it.
    fn pair(&mut self, fault: Fault, end: Fault) {
        let (from, until) = self.span();
        self.push(from, fault);
        self.push(until, end);
    }

    fn push(&mut self, time: Duration, fault: Fault) {
        self.schedule = std::mem::take(&mut self.schedule).at(time, fault);
    }

    fn node(&mut self) -> Place {
        Place::Node(self.random.u32(1..=self.nodes))
    }

    fn places(&self) -> impl Iterator<Item = Place> + use<> {
        (1..=self.nodes).map(Place::Node).chain((1..=self.clients).map(Place::Client))
    }

    /// Any place but this one, if there is one.
    fn other(&mut self, than: Place) -> Option<Place> {
        let others: Vec<_> = self.places().filter(|place| *place != than).collect();
        self.random.choice(others)
    }

    fn time(&mut self) -> Duration {
        let period = u64::try_from(self.period.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.random.u64(0..=period))
    }

    fn span(&mut self) -> (Duration, Duration) {
        let (one, other) = (self.time(), self.time());
        (one.min(other), one.max(other))
    }

    fn millis(&mut self, range: std::ops::RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.random.u64(range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(faults: &Faults, seed: u64) -> Schedule {
        faults.draw(&mut Rng::with_seed(seed), 5, 2)
    }

    #[test]
    fn the_same_seed_draws_the_same_faults_and_another_seed_others() {
        let faults = Faults::default();
        assert_eq!(drawn(&faults, 7), drawn(&faults, 7));
        assert!((0..10).any(|seed| drawn(&faults, seed) != drawn(&faults, 7)));
    }

    #[test]
    fn every_kind_that_is_asked_for_comes_and_no_other() {
        let name =
            |fault: &Fault| fault.to_string().split(' ').next().unwrap_or_default().to_owned();
        let names = |faults: &Faults| -> BTreeSet<String> {
            let all = (0..300).flat_map(|seed| drawn(faults, seed).faults().to_vec());
            all.map(|(_, fault)| name(&fault)).collect()
        };
        let default = names(&Faults::default());
        for word in
            ["crash", "power-off", "cut", "break", "hang", "slow", "ahead", "behind", "disk"]
        {
            assert!(default.contains(word), "{word} is in {default:?}");
        }
        assert!(!default.contains("erase"));
        let hang = names(&Faults::none().with(FaultKind::Hang));
        assert_eq!(hang, ["hang", "heal", "wake"].map(str::to_owned).into());
    }

    #[test]
    fn everything_heals_at_the_end_of_the_period() {
        let period = Duration::from_millis(700);
        for seed in 0..100 {
            let schedule = drawn(&Faults::default().period(period), seed);
            assert_eq!(schedule.faults().last(), Some(&(period, Fault::Heal)), "{schedule}");
        }
    }
}
